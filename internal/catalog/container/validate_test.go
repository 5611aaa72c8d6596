package container

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

func TestSettingsThatAreWrong(t *testing.T) {
	long := strings.Repeat("x", maxArgument+1)
	for want, s := range map[string]*Settings{
		"":                             full(),
		"container.init: Unknown init": {Init: new("systemd")},
		"container.restart: Unknown restart policy":        {Restart: new("unless-stopped")},
		"container.stop_signal: Unknown signal":            {StopSignal: new("SIGSTOPP")},
		"container.entrypoint: Invalid program":            {Entrypoint: []string{" ", "a"}},
		"container.entrypoint: Invalid template":           {Entrypoint: []string{"a", "{{ .b"}},
		"container.command: Invalid argument":              {Command: []string{"", "a\x00b"}},
		"container.working_dir: Invalid path":              {WorkingDir: new("srv")},
		"container.user: Invalid user":                     {User: new("a b")},
		"container.user: Invalid template":                 {User: new("{{ end }}")},
		`container.env["A B"]: Invalid name of a variable`: {Env: map[string]string{"A B": "1"}},
		`container.env["A=B"]: Invalid name of a variable`: {Env: map[string]string{"A=B": "1"}},
		`container.env[""]: Invalid name of a variable`:    {Env: map[string]string{"": "1"}},
		`container.env["A"]: Invalid value of a variable`:  {Env: map[string]string{"A": long, "B": ""}},
		`container.env["B"]: Invalid template`:             {Env: map[string]string{"B": `{{ qoute "a" }}`}},
		`container.tmpfs["run"]: Invalid path`:             {Tmpfs: map[string]Tmpfs{"run": {}, "/dev/shm": {}}},
		`container.tmpfs["/proc/x"]: Invalid path`:         {Tmpfs: map[string]Tmpfs{"/proc/x": {}}},
		`container.tmpfs["/run"].size_mb: Value out of range`: {
			Tmpfs: map[string]Tmpfs{"/run": {SizeMB: new(int64(0))}}},
		"container.stop_timeout_seconds: Value out of range": {StopTimeoutSeconds: new(int64(-1))},
		"container.health_check.retries: Value out of range": {HealthCheck: &HealthCheck{Retries: new(int64(0))}},
		"container.health_check.interval_seconds: Value out of range": {
			HealthCheck: &HealthCheck{IntervalSeconds: new(int64(0))},
		},
		"container.health_check.timeout_seconds: Value out of range": {
			HealthCheck: &HealthCheck{TimeoutSeconds: new(int64(1 << 40))},
		},
		"container.health_check.start_period_seconds: Value out of range": {
			HealthCheck: &HealthCheck{StartPeriodSeconds: new(int64(-1))},
		},
	} {
		wanted := []string{want}
		if want == "" {
			wanted = nil
		}
		findingtest.Expect(t, want, s.Validate(), wanted...)
	}
}

func TestACommandIsTheProgramIfTheEntrypointIsCleared(t *testing.T) {
	findingtest.Expect(t, "an argument", (&Settings{Command: []string{""}}).Validate())
	findingtest.Expect(t, "a program", (&Settings{Entrypoint: []string{}, Command: []string{""}}).Validate(),
		"container.command: Invalid argument")
}

func TestFormsOfHealthChecks(t *testing.T) {
	for form, ok := range map[string]bool{
		"CMD\x01a": true, "CMD\x01a\x01b": true, "CMD-SHELL\x01a b": true, "NONE": true, "CMD\x01{{ .a }}": true,
		"CMD": false, "CMD-SHELL": false, "CMD-SHELL\x01a\x01b": false, "NONE\x01a": false, "a\x01b": false,
		"cmd\x01a": false, "CMD\x01": false, "": false,
	} {
		var fs = (&Settings{HealthCheck: &HealthCheck{Command: strings.Split(form, "\x01")}}).Validate()
		if ok != (len(fs) == 0) || !ok && fs[0].Path.String() != "container.health_check.command" {
			t.Errorf("%q: found %v", form, fs)
		}
	}
	findingtest.Expect(t, "empty", (&Settings{HealthCheck: &HealthCheck{Command: []string{}}}).Validate(),
		"container.health_check.command: Invalid health check")
}

func TestUsersAndPaths(t *testing.T) {
	for user, ok := range map[string]bool{
		"app": true, "0": true, "1000:1000": true, "app:1000": true, "www-data:www-data": true, "a.b_c$": true,
		"2147483647": true,
		"":           false, ":1": false, "a:": false, "a:b:c": false,
		"1a": false, "-1": false, "2147483648": false, "ä": false,
		"99999999999999999999": false, "a\n": false,
	} {
		if problem := userProblem(user); (problem == "") != ok {
			t.Errorf("%q: %s", user, problem)
		}
	}
	for path, ok := range map[string]bool{
		"/srv": true, "/var/lib/data": true, "/development": true, "/procs": true, "/a b": true, "/.novacron": true,
		"": false, "srv": false, "/": false, "/srv/": false, "/a//b": false, "/a/../b": false, "/proc": false,
		"/sys/fs": false, "/dev/shm": false, "/.nova": false, "/.nova/x": false, "/a\nb": false,
	} {
		if problem := MountProblem(path); (problem == "") != ok {
			t.Errorf("%q: %s", path, problem)
		}
	}
	if problem := directoryProblem("/"); problem != "" {
		t.Errorf("a working directory may be the root: %s", problem)
	}
}

func TestASystemContainerHasNoApplication(t *testing.T) {
	s := full()
	findingtest.Expect(t, "an application", s.ValidateWhole())
	s.Init = new(SystemInit)
	findingtest.Expect(t, "a system", s.ValidateWhole(),
		"container.privileged: System container is not privileged",
		"container.entrypoint: Not supported by a system container",
		"container.command: Not supported by a system container",
		"container.env: Not supported by a system container",
		"container.working_dir: Not supported by a system container",
		"container.user: Not supported by a system container",
		"container.restart: Not supported by a system container",
		"container.stop_signal: Not supported by a system container",
		"container.health_check: Not supported by a system container")
	findingtest.Expect(t, "a privileged system", (&Settings{
		Init: new(SystemInit), Privileged: new(true), StopTimeoutSeconds: new(int64(60)),
		Tmpfs: map[string]Tmpfs{"/tmp": {}},
	}).ValidateWhole())
	var none *Settings
	findingtest.Expect(t, "nil", append(none.Validate(), none.ValidateWhole()...))
}

var declared = map[string]parameter.Parameter{
	"port": {Type: "integer"}, "name": {Type: "string"}, "args": {Type: "list"},
	"secret": {Type: "string", Sensitive: true},
}

func values(t testing.TB, given map[string]parameter.Raw) parameter.Values {
	t.Helper()
	effective, fs := parameter.Resolve(declared, parameter.Given{Parameters: given})
	if len(fs) > 0 {
		t.Fatal(fs)
	}
	return effective
}

func TestSettingsAreRendered(t *testing.T) {
	s := full()
	got, err := s.Render(declared, values(t, map[string]parameter.Raw{"port": "8080", "name": "shop"}))
	if err != nil {
		t.Fatal(err)
	}
	want := full()
	want.Command[1], want.Env["PORT"] = "8080", "8080"
	*want.WorkingDir, *want.User = "/srv/shop", "app:shop"
	want.HealthCheck.Command[1] = "wget -qO- http://127.0.0.1:8080/"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !reflect.DeepEqual(s, full()) {
		t.Errorf("rendering has changed the settings to %+v", s)
	}
	var none *Settings
	if got, err := none.Render(nil, nil); got != nil || err != nil {
		t.Errorf("no settings are rendered as %+v, %v", got, err)
	}
}

func TestNamesThatAreNoParameters(t *testing.T) {
	findingtest.Expect(t, "declared", full().ValidateNames(declared))
	findingtest.Expect(t, "not declared",
		full().ValidateNames(map[string]parameter.Parameter{"port": {Type: "integer"}}),
		"container.working_dir: Unknown parameter", "container.user: Unknown parameter")
	fs := (&Settings{Env: map[string]string{"PORT": "{{ .prot }}"}}).ValidateNames(declared)
	findingtest.Expect(t, "a typing mistake", fs, `container.env["PORT"]: Unknown parameter`)
	if !strings.Contains(fs.Error(), `Did you mean "port"?`) {
		t.Errorf("found %v", fs)
	}
	fs = (&Settings{Command: []string{"-p", "{{ .prot }}"}}).ValidateNames(declared)
	findingtest.Expect(t, "in a list", fs, "container.command: Unknown parameter")
	if !strings.Contains(fs.Error(), `Element 1: `) {
		t.Errorf("found %v", fs)
	}
}

// What parameters make of a text is checked as a text without parameters is, but never shown: it may
// be a secret.
func TestRenderedTextsAreCheckedAndNotShown(t *testing.T) {
	const secret = "hunter2 x"
	for want, s := range map[string]*Settings{
		"container.working_dir: Invalid path":              {WorkingDir: new("{{ .secret }}")},
		"container.user: Invalid user":                     {User: new("{{ .secret }}")},
		"container.entrypoint: Invalid program":            {Entrypoint: []string{"{{ if false }}a{{ end }}"}},
		`container.env["A"]: Could not fill in parameters`: {Env: map[string]string{"A": `{{ index .args 3 }}`}},
		"container.command: Could not fill in parameters":  {Command: []string{"{{ range 300000 }}xxxxxxxx{{ end }}"}},
		`container.env["A"]: Invalid value of a variable`: {
			Env: map[string]string{"A": "{{ range 20000 }}xxxxxxxx{{ end }}"},
		},
	} {
		findingtest.Expect(t, "not rendered", s.Validate())
		got, err := s.Render(declared, values(t, map[string]parameter.Raw{"secret": secret}))
		fs, _ := errors.AsType[finding.List](err)
		findingtest.Expect(t, want, fs, want)
		if text := fs.Error(); got != nil || strings.Contains(text, "hunter2") {
			t.Errorf("got %+v, %s", got, text)
		}
	}
}

// A value is one argument and one variable, whatever is in it: nothing splits it, and no template in
// it is rendered.
func FuzzValuesStayValues(f *testing.F) {
	for _, hostile := range []string{
		"", "a b", "'", "\"; id", "$(id)", "\n", "{{ .port }}", "{{", "=", "A=B",
		"\x1b[31m", "ü😀", strings.Repeat("x", 4096),
	} {
		f.Add(hostile)
	}
	s := &Settings{
		Entrypoint: []string{"/bin/app", "-n={{ .name }}"}, Command: []string{"{{ .name }}"},
		Env: map[string]string{"NAME": "{{ .name }}", "OTHER": "x"},
	}
	f.Fuzz(func(t *testing.T, value string) {
		effective, fs := parameter.Resolve(declared,
			parameter.Given{Parameters: map[string]parameter.Raw{"name": value}})
		if len(fs) > 0 {
			return // no parameter has such a value
		}
		got, err := s.Render(declared, effective)
		if err != nil {
			if len(value) < maxArgument-3 {
				t.Errorf("%q is refused: %v", value, err)
			}
			return
		}
		want := &Settings{
			Entrypoint: []string{"/bin/app", "-n=" + value}, Command: []string{value},
			Env: map[string]string{"NAME": value, "OTHER": "x"},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q became %+v", value, got)
		}
	})
}

// Any settings are either refused or can be rendered; neither crashes, and what was rendered is
// sound.
func FuzzSettings(f *testing.F) {
	f.Add("/bin/app", "{{ .port }}", "PORT", "{{ quote .name }}", "/srv", "app:app", "SIGTERM", "CMD", "/run")
	f.Add("", "{{ .args.x }}", "A=B", "{{ with .name }}{{ . }}{{ end }}", "srv", ":", "RTMIN+", "NONE", "/dev/shm")
	f.Fuzz(func(t *testing.T, program, argument, name, value, dir, user, signal, form, tmpfs string) {
		if strings.Contains(program+argument+value+dir+user, "range") {
			return // counting to a large number takes long
		}
		s := &Settings{
			Entrypoint:  []string{program},
			Command:     []string{argument},
			Env:         map[string]string{name: value},
			WorkingDir:  &dir,
			User:        &user,
			StopSignal:  &signal,
			HealthCheck: &HealthCheck{Command: []string{form, argument}},
			Tmpfs:       map[string]Tmpfs{tmpfs: {}},
		}
		if len(s.Validate()) > 0 || len(s.ValidateNames(declared)) > 0 {
			return
		}
		got, err := s.Render(declared, values(t, map[string]parameter.Raw{
			"port": "80", "name": "a", "args": []parameter.Raw{"x"},
		}))
		if err != nil {
			return
		}
		if strings.TrimSpace(got.Entrypoint[0]) == "" || !strings.HasPrefix(*got.WorkingDir, "/") ||
			strings.Contains(name, "=") || *got.User == "" {
			t.Errorf("%+v became %+v", s, got)
		}
		for _, text := range slices.Concat(got.Entrypoint, got.Command, got.HealthCheck.Command,
			[]string{got.Env[name], *got.WorkingDir, *got.User}) {
			if strings.ContainsRune(text, 0) {
				t.Errorf("%q has a NUL", text)
			}
		}
	})
}
