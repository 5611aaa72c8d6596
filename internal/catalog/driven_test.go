package catalog

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

func TestTargetsGetTheirValues(t *testing.T) {
	declared := map[string]parameter.Parameter{
		"hostname": {Type: "string"},
		"key":      {Type: "text", Target: parameter.TargetSSHKey},
		"memory":   {Type: "integer", Target: parameter.TargetMemory},
		"cores":    {Type: "integer", Target: parameter.TargetCores},
		"size":     {Type: "integer", Target: "disk.data.size_gb"},
		"free":     {Type: "integer", Target: "disk.more.size_gb"},
	}
	effective, fs := parameter.Resolve(declared, parameter.Given{
		Parameters: map[string]parameter.Raw{
			"hostname": "web",
			"memory":   "512",
			"cores":    "3",
			"size":     "20",
			"free":     parameter.Unknown{},
		},
	})
	findingtest.Expect(t, "resolving", fs)
	hardware, storage := Driven(declared, effective)
	if parameter.Targeted(declared, effective, parameter.TargetHostname) != "web" ||
		parameter.Targeted(declared, effective, parameter.TargetSSHKey) != "" ||
		*hardware.MemoryMB != 512 || *hardware.CPUCores != 3 || hardware.CPUCount != nil ||
		*storage.Disks["data"].SizeGB != 20 || len(storage.Disks) != 1 {
		t.Errorf("got %+v and %+v", hardware, storage)
	}
	if hardware, storage := Driven(nil, nil); hardware != nil || storage != nil {
		t.Error("nothing drives something")
	}
	if got := parameter.TargetPath(declared, parameter.TargetSSHKey).String(); got != `parameters["key"]` {
		t.Errorf("blamed is %s", got)
	}
}

// A wrong value in a driven field is the parameter's fault: the user of a template has no other
// line that sets it.
func TestFindingsBlameTheParameterThatDrives(t *testing.T) {
	declared := map[string]parameter.Parameter{
		"memory": {Type: "integer", Target: parameter.TargetMemory},
		"size":   {Type: "integer", Target: "disk.system.size_gb"},
	}
	effective, _ := parameter.Resolve(declared, parameter.Given{
		Parameters: map[string]parameter.Raw{"memory": "5", "size": "1"},
	})
	hardware, storage := Driven(declared, effective)
	fs := append(hardware.Validate(), storage.CheckImage(2<<30)...)
	blamed := BlameDriven(fs, declared, effective, nil, nil)
	findingtest.Expect(t, "driven", blamed, `parameters["memory"]: Value out of range`,
		`parameters["size"]: Disk smaller than image`)
	if want := `Parameter "memory" drives hardware_profile.memory_mb: 5 is not between 32 ` +
		`and 16777216.`; blamed[0].Detail != want {
		t.Errorf("got %s, want %s", blamed[0].Detail, want)
	}
	own := BlameDriven(fs, declared, effective, &profile.Hardware{MemoryMB: new(int64(5))}, storage)
	findingtest.Expect(t, "set by the user", own, "hardware_profile.memory_mb: Value out of range",
		`storage_profile.disks["system"].size_gb: Disk smaller than image`)
}
