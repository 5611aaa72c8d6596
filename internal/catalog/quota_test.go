package catalog

import (
	"errors"
	"testing"
)

func TestAQuotaErrorSaysWhatIsLeft(t *testing.T) {
	for want, e := range map[string]*QuotaError{
		`12 of 200 vCPUs are left of tenant "t1"'s quota in resource pool "gold", and 40 are asked for`: {
			"gold", "t1", FigureVCPUs, 200, 188, 40,
		},
		`1 of 4096 MiB of memory is left of tenant "t1"'s quota in resource pool "gold", and 512 are asked for`: {
			"gold", "t1", FigureMemory, 4096, 4095, 512,
		},
		`0 of 10 GiB of disk are left of tenant "t2"'s quota in resource pool "a", and 1 is asked for`: {
			"a", "t2", FigureDisk, 10, 30, 1,
		},
		`0 of 0 instances are left of tenant "t2"'s quota in resource pool "a", and 1 is asked for`: {
			"a", "t2", FigureInstances, 0, 0, 1,
		},
	} {
		if got := e.Error(); got != want {
			t.Errorf("it says\n%s\nand should say\n%s", got, want)
		}
	}
}

func TestAPoolAdmitsWhatItsQuotasAllow(t *testing.T) {
	pool := ResourcePool{Name: "gold", Tenants: map[string]Quota{
		"t1": {VCPUs: new(int64(10)), MemoryMB: new(int64(4096)), DiskGB: new(int64(100)), Instances: new(int64(2))},
		"t2": {},
	}}
	for what, c := range map[string]struct {
		tenant     string
		used, adds Usage
		over       Figure // "" for none
	}{
		"up to the limit":            {"t1", Usage{8, 2048, 50, 1}, Usage{2, 2048, 50, 1}, ""},
		"vCPUs":                      {"t1", Usage{8, 0, 0, 0}, Usage{3, 1, 1, 1}, FigureVCPUs},
		"memory":                     {"t1", Usage{0, 4000, 0, 0}, Usage{1, 97, 1, 1}, FigureMemory},
		"disk":                       {"t1", Usage{0, 0, 100, 0}, Usage{1, 1, 1, 1}, FigureDisk},
		"instances":                  {"t1", Usage{0, 0, 0, 2}, Usage{1, 1, 1, 1}, FigureInstances},
		"the first of several":       {"t1", Usage{10, 4096, 100, 2}, Usage{1, 1, 1, 1}, FigureVCPUs},
		"growing in another figure":  {"t1", Usage{20, 1024, 0, 2}, Usage{0, 1024, 0, 0}, ""},
		"shrinking, over the quota":  {"t1", Usage{20, 8192, 200, 4}, Usage{}, ""},
		"a tenant without limits":    {"t2", Usage{1 << 40, 1 << 40, 1 << 40, 1 << 40}, Usage{1, 1, 1, 1}, ""},
		"nothing, and no such quota": {"t3", Usage{20, 8192, 200, 4}, Usage{}, ""},
	} {
		err := pool.Admit(c.tenant, c.used, c.adds)
		var over Figure
		if e, is := errors.AsType[*QuotaError](err); is {
			over, err = e.Figure, nil
		}
		if err != nil || over != c.over {
			t.Errorf("%s: over in %q, %v; want %q", what, over, err, c.over)
		}
	}
	err := pool.Admit("t3", Usage{}, Usage{Instances: 1})
	if e, is := errors.AsType[*NoQuotaError](err); !is || e.Pool != "gold" || e.Tenant != "t3" {
		t.Errorf("a tenant that the pool does not name: %v", err)
	}
}

func TestAPoolHasHostsByNameOrByLabel(t *testing.T) {
	named := ResourcePool{Hosts: []string{"kvm1", "kvm2"}}
	matched := ResourcePool{Match: map[string]string{"zone": "a", "cpu": "zen4"}}
	for what, c := range map[string]struct {
		pool   ResourcePool
		host   string
		labels map[string]string
		want   bool
	}{
		"named":          {named, "kvm1", nil, true},
		"not named":      {named, "kvm3", nil, false},
		"all labels":     {matched, "kvm3", map[string]string{"zone": "a", "cpu": "zen4", "more": ""}, true},
		"a label less":   {matched, "kvm3", map[string]string{"zone": "a"}, false},
		"another label":  {matched, "kvm3", map[string]string{"zone": "b", "cpu": "zen4"}, false},
		"a pool of none": {ResourcePool{}, "kvm1", map[string]string{"zone": "a"}, false},
	} {
		if got := c.pool.Has(c.host, c.labels); got != c.want {
			t.Errorf("%s: %t, want %t", what, got, c.want)
		}
	}
}

func TestWhatIsWrongWithAPoolIsBlamed(t *testing.T) {
	good := ResourcePool{
		Name: "gold", Hosts: []string{"kvm1"}, Policy: Pack, Tenants: map[string]Quota{"t1": {VCPUs: new(int64(0))}},
	}
	if fs := good.Validate(); len(fs) > 0 {
		t.Errorf("a good pool: %v", fs)
	}
	for path, edit := range map[string]func(*ResourcePool){
		"name":                       func(r *ResourcePool) { r.Name = "a.b" },
		"hosts":                      func(r *ResourcePool) { r.Hosts = nil },
		"match":                      func(r *ResourcePool) { r.Match = map[string]string{"zone": "a"} },
		"policy":                     func(r *ResourcePool) { r.Policy = "random" },
		`tenants["T1"]`:              func(r *ResourcePool) { r.Tenants = map[string]Quota{"T1": {}} },
		`tenants["t1"].vcpus`:        func(r *ResourcePool) { r.Tenants["t1"] = Quota{VCPUs: new(int64(-1))} },
		`tenants["t1"].memory_mb`:    func(r *ResourcePool) { r.Tenants["t1"] = Quota{MemoryMB: new(int64(-1))} },
		`tenants["t1"].disk_gb`:      func(r *ResourcePool) { r.Tenants["t1"] = Quota{DiskGB: new(int64(-1))} },
		`tenants["t1"].instances`:    func(r *ResourcePool) { r.Tenants["t1"] = Quota{Instances: new(int64(-1))} },
		"hosts: Duplicate host: Hos": func(r *ResourcePool) { r.Hosts = []string{"kvm1", "kvm1"} },
		"hosts: Empty name: Elem":    func(r *ResourcePool) { r.Hosts = []string{""} },
		"match: Empty name: A lab":   func(r *ResourcePool) { r.Hosts, r.Match = nil, map[string]string{"": "a"} },
	} {
		bad := good
		bad.Tenants = map[string]Quota{"t1": {}}
		edit(&bad)
		fs := bad.Validate()
		if len(fs) != 1 || fs[0].Error()[:len(path)] != path {
			t.Errorf("%s: %v", path, fs)
		}
	}
}

func TestAQuotaSaysWhatIsLeftAndWhatIsTooMuch(t *testing.T) {
	quota := Quota{VCPUs: new(int64(20)), MemoryMB: new(int64(1024)), Instances: new(int64(2))}
	used := Usage{VCPUs: 30, MemoryMB: 1000, DiskGB: 500, Instances: 2}
	left := quota.Left(used)
	if *left.VCPUs != 0 || *left.MemoryMB != 24 || left.DiskGB != nil || *left.Instances != 0 {
		t.Errorf("%d, %d, %v and %d are left", *left.VCPUs, *left.MemoryMB, left.DiskGB, *left.Instances)
	}
	if over := quota.Exceeded(used); len(over) != 1 || over[0].String() != "30 of 20 vCPUs" {
		t.Errorf("it exceeds %v", over)
	}
	if got := used.Only(Usage{MemoryMB: 1, Instances: 5}); got != (Usage{MemoryMB: 1000, Instances: 2}) {
		t.Errorf("only memory and instances are %v", got)
	}
}
