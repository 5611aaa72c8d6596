package provider

import (
	"os"
	"runtime/debug"
)

// BeFrugal avoids work without a use in a process that serves the provider. Even if no log is asked
// for, the framework writes dozens of trace messages for each resource, which Terraform reads and
// discards. Together that is a third of what a plan with nothing to do costs. Also, a process that
// lives for seconds gains nothing by collecting garbage early.
func BeFrugal() {
	asked := false
	for _, name := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK"} {
		asked = asked || os.Getenv(name) != ""
	}
	if !asked {
		os.Setenv("TF_LOG_SDK", "off")
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
