package catalog

import "testing"

func TestPathsAreWrittenAsTerraformDoes(t *testing.T) {
	base := At("storage_profile").Name("disks")
	a, b := base.Key("a").Name("size_gb"), base.Key("b") // two from one base must not share memory
	if a.String() != `storage_profile.disks["a"].size_gb` || b.String() != `storage_profile.disks["b"]` {
		t.Errorf("got %s and %s", a, b)
	}
}
