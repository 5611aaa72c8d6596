package readiness

import (
	"errors"
	"fmt"
	"time"
)

// Error says which condition an instance did not meet, and what is known of the reason.
type Error struct {
	Instance  string
	Condition string
	Waited    time.Duration
	LastSeen  string // the last state seen, for example "no lease yet"
	Console   string // the last lines of the guest's console, "" if there are none
	Advice    string // what helps; "" for more time, or other conditions
	Err       error
}

func (e *Error) Error() string {
	text := e.seen(e.subject())
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Console != "" {
		text += "\n\nThe end of the guest's console:\n" + e.Console
	}
	if e.Advice != "" {
		return text + "\n\n" + e.Advice
	}
	return text + "\n\nRaise timeouts to wait longer; set wait_for to wait for other conditions."
}

// Kept implements kind.Quoting.
func (e *Error) Kept() string { return e.kept(e.subject()) }

func (e *Error) subject() string { return fmt.Sprintf("instance %q", e.Instance) }

// kept is Kept of an error about a subject.
func (e *Error) kept(subject string) string {
	text := e.seen(subject)
	if _, said := errors.AsType[saidError](e.Err); e.Err != nil && !said {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) seen(subject string) string {
	return fmt.Sprintf("%s was not ready: condition %q was not met after %s; last seen: %s",
		subject, e.Condition, e.Waited.Round(time.Second), e.LastSeen)
}

func (e *Error) Unwrap() error { return e.Err }

// Advice for conditions that more time does not help.
const (
	adviceNoCloudInit = "A longer time does not help. Use an image with cloud-init, or leave out what needs " +
		"it: customization, the template's cloud_init, and \"cloud_init\" in wait_for."
	adviceDisabled = "A longer time does not help. Enable cloud-init in the image, or leave out what needs it: " +
		"customization, the template's cloud_init, and \"cloud_init\" in wait_for."
	adviceNoAgent = "Nothing has answered yet. The image needs the QEMU guest agent (the package qemu-guest-agent of " +
		"most distributions). If it has the agent and the guest is slow, raise timeouts to wait longer; " +
		"wait_for sets other conditions."
	adviceNoReport = "Reporting needs an image with cloud-init, which may be slow: raise timeouts to wait " +
		"longer. With the QEMU guest agent in the image, a missing cloud-init is noticed as soon as the " +
		"agent answers." + adviceOptOut
	adviceUnreported = "A longer time does not help. The guest reports by a script that the module write_files of " +
		"cloud-init writes to " +
		"/var/lib/cloud/scripts/per-boot and the module scripts_per_boot runs, and that writes to the first " +
		"serial port, /dev/ttyS0: have them in the " +
		"cloud_init_modules and cloud_final_modules of the image." + adviceOptOut
	adviceOptOut = " For images that cannot report, \"no_report\" in wait_for waits for the other conditions alone; " +
		"failures in the guest then go unnoticed."
	adviceFailed = "A longer time does not help. See /var/log/cloud-init-output.log in the guest."
	adviceOff    = "A longer time does not help: find out what switched the guest off."
)
