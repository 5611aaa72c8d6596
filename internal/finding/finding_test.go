package finding

import (
	"testing"
)

func TestPathsAreWrittenAsTerraformDoes(t *testing.T) {
	base := At("storage_profile").Name("disks")
	a, b := base.Key("a").Name("size_gb"), base.Key("b") // two from one base must not share memory
	if a.String() != `storage_profile.disks["a"].size_gb` || b.String() != `storage_profile.disks["b"]` {
		t.Errorf("got %s and %s", a, b)
	}
}

func TestFindingsNameWhatTheyAreAbout(t *testing.T) {
	const bad = "It is wrong."
	at := At("storage_profile").Name("disks").Key("data")
	for want, c := range map[string]struct {
		path   Path
		detail string
	}{
		bad:                               {At("name"), bad},
		`Disk "data": ` + bad:             {at, bad},
		`Disk "data" is full.`:            {at, `Disk "data" is full.`},
		`The disk "data" is up.`:          {at.Name("type"), `The disk "data" is up.`},
		`Disk "data": "data" is no type.`: {at.Name("type"), `"data" is no type.`},
		`Interface "eth0": ` + bad:        {At("network_profile").Name("interfaces").Key("eth0"), bad},
		`User "a": ` + bad:                {At("customization").Name("users").Key("a").Name("shell"), bad},
		`File "/etc/a": ` + bad:           {At("customization").Name("files").Key("/etc/a"), bad},
		`Parameter "p": ` + bad:           {At("parameters_wo").Key("p"), bad},
		`Label "l": ` + bad:               {At("labels").Key("l"), bad},
		`Variable "PORT": ` + bad:         {At("container").Name("env").Key("PORT"), bad},
		`Tmpfs "/run": ` + bad:            {At("container").Name("tmpfs").Key("/run").Name("size_mb"), bad},
	} {
		var fs List
		if fs.Add(c.path, "Wrong", c.detail); fs[0].Detail != want {
			t.Errorf("%s: %q is reported as %q, want %q", c.path, c.detail, fs[0].Detail, want)
		}
	}
}
