package container

import (
	"encoding/json"
	"reflect"
	"testing"
)

// full is settings in which everything is set.
func full() *Settings {
	return &Settings{
		Init:               new(ProcessInit),
		Entrypoint:         []string{"/bin/app"},
		Command:            []string{"--port", "{{ .port }}"},
		Env:                map[string]string{"PORT": "{{ .port }}", "MODE": "a"},
		WorkingDir:         new("/srv/{{ .name }}"),
		User:               new("app:{{ .name }}"),
		Restart:            new(RestartAlways),
		StopSignal:         new("SIGQUIT"),
		StopTimeoutSeconds: new(int64(3)),
		Privileged:         new(false),
		HealthCheck: &HealthCheck{
			Command:            []string{"CMD-SHELL", "wget -qO- http://127.0.0.1:{{ .port }}/"},
			IntervalSeconds:    new(int64(5)),
			TimeoutSeconds:     new(int64(3)),
			Retries:            new(int64(2)),
			StartPeriodSeconds: new(int64(10)),
		},
		Tmpfs: map[string]Tmpfs{"/run": {SizeMB: new(int64(16))}, "/tmp": {}},
	}
}

func TestSettingsAreLaidOverFieldByField(t *testing.T) {
	for name, c := range map[string]struct{ over, base, want *Settings }{
		"nothing":       {nil, nil, nil},
		"over nothing":  {full(), nil, full()},
		"nothing over":  {nil, full(), full()},
		"empty over":    {&Settings{}, full(), full()},
		"everything":    {full(), &Settings{User: new("x"), Tmpfs: map[string]Tmpfs{"/tmp": {}}}, full()},
		"over the same": {full(), full(), full()},
		"an entrypoint": {
			&Settings{Entrypoint: []string{}}, &Settings{Entrypoint: []string{"a"}}, &Settings{Entrypoint: []string{}},
		},
		"no command for it": {
			&Settings{Entrypoint: []string{"a"}}, &Settings{Command: []string{"b"}},
			&Settings{Entrypoint: []string{"a"}, Command: []string{"b"}},
		},
		"variables": {
			&Settings{Env: map[string]string{"A": "2", "C": "3"}},
			&Settings{Env: map[string]string{"A": "1", "B": "1"}},
			&Settings{Env: map[string]string{"A": "2", "B": "1", "C": "3"}},
		},
		"a tmpfs": {
			&Settings{Tmpfs: map[string]Tmpfs{"/a": {}}},
			&Settings{Tmpfs: map[string]Tmpfs{"/a": {SizeMB: new(int64(1))}, "/b": {}}},
			&Settings{Tmpfs: map[string]Tmpfs{"/a": {}, "/b": {}}},
		},
		"the interval of a check": {
			&Settings{HealthCheck: &HealthCheck{IntervalSeconds: new(int64(1))}},
			&Settings{HealthCheck: &HealthCheck{Command: []string{"CMD", "a"}, IntervalSeconds: new(int64(9))}},
			&Settings{HealthCheck: &HealthCheck{Command: []string{"CMD", "a"}, IntervalSeconds: new(int64(1))}},
		},
	} {
		if got := c.over.Over(c.base); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	over, base := &Settings{Env: map[string]string{"A": "1"}}, &Settings{Env: map[string]string{"B": "1"}}
	over.Over(base).Env["C"] = "1"
	if len(over.Env) != 1 || len(base.Env) != 1 {
		t.Error("what was laid over something shares its variables with the result")
	}
}

// An empty list means something else than none, and what is not set takes no room in documents.
func TestSettingsAreStoredAsTheyAreMeant(t *testing.T) {
	for text, s := range map[string]Settings{
		`{}`: {},
		`{"entrypoint":[],"command":[],"env":{},"health_check":{"command":[]},"tmpfs":{}}`: {
			Entrypoint: []string{}, Command: []string{}, Env: map[string]string{},
			HealthCheck: &HealthCheck{Command: []string{}}, Tmpfs: map[string]Tmpfs{},
		},
		`{"privileged":false,"tmpfs":{"/run":{},"/tmp":{"size_mb":1}}}`: {
			Privileged: new(false), Tmpfs: map[string]Tmpfs{"/run": {}, "/tmp": {SizeMB: new(int64(1))}},
		},
	} {
		var got Settings
		data, err := json.Marshal(s)
		if err == nil {
			err = json.Unmarshal(data, &got)
		}
		if err != nil || string(data) != text || !reflect.DeepEqual(got, s) {
			t.Errorf("%+v is written as %s and read as %+v, %v, want %s", s, data, got, err, text)
		}
	}
}

func TestSignalsHaveTheirNumbers(t *testing.T) {
	for name, want := range map[string]int{
		"SIGTERM": 15, "term": 15, "Quit": 3, "15": 15, "1": 1, "64": 64, "SIGRTMIN": 34, "SIGRTMIN+3": 37,
		"rtmax-1": 63, "RTMAX": 64, "SIGPOLL": 29,
		"": 0, "0": 0, "65": 0, "-1": 0, "+9": 0, "015": 0, "SIG": 0, "SIGSIGTERM": 0, "SIGFOO": 0, "SIGRTMIN-1": 0,
		"SIGRTMAX+1": 0, "SIGRTMIN3": 0, "SIGRTMIN+31": 0, "SIGRTMIN+": 0, "SIGRTMIN+a": 0, " 9": 0,
	} {
		if got, known := Signal(name); known != (want > 0) || known && got != want {
			t.Errorf("%q is %d, %t, want %d", name, got, known, want)
		}
	}
}

func TestOpeningBracesAreWrittenAsATemplate(t *testing.T) {
	got, err := (&Settings{Command: []string{`{{ "{{" }} x }}`}}).Render(nil, nil)
	if err != nil || got.Command[0] != "{{ x }}" {
		t.Errorf("got %+v, %v", got, err)
	}
}
