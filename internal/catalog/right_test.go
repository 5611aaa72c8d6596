package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

var shop = TemplateID{Tenant: "shop", Name: "web"}

// owned is a template that belongs to ann, of the tenant shop.
func owned(a AccessControl) Template {
	return Template{ID: shop, Type: TypeVM, Owner: "ann", Access: a}
}

func of(tenant, user string, groups ...string) Principal {
	return Principal{Tenant: tenant, User: user, Groups: groups}
}

func TestRightsAreWhatTheListsSay(t *testing.T) {
	ann, bob, eve := of("shop", "ann"), of("shop", "bob"), of("shop", "eve", "ops", "web")
	bank, namesake := of("bank", "tom"), of("bank", "ann", "ops")
	// eve is in two groups, bank is a user of another tenant, and namesake is a user of that tenant whose
	// names are those of ann and her group.
	people := map[string]Principal{"ann": ann, "bob": bob, "eve": eve, "bank": bank, "namesake": namesake}
	for name, c := range map[string]struct {
		access AccessControl
		public bool
		state  State
		want   map[string]Right
	}{
		"nothing said": {want: map[string]Right{"ann": Write, "bob": Write, "eve": Write}},
		"empty lists": {
			access: AccessControl{ReadUsers: []string{}, WriteGroups: []string{}, UseTenants: []string{}},
			want:   map[string]Right{"ann": Write, "bob": Write, "eve": Write},
		},
		"writers": {
			access: AccessControl{WriteUsers: []string{"bob"}},
			want:   map[string]Right{"ann": Write, "bob": Write, "eve": Use},
		},
		"writing groups": {
			access: AccessControl{WriteGroups: []string{"ops"}},
			want:   map[string]Right{"ann": Write, "bob": Use, "eve": Write},
		},
		"users": {
			access: AccessControl{UseUsers: []string{"bob"}},
			want:   map[string]Right{"ann": Write, "bob": Use, "eve": Read},
		},
		"users and writers": {
			access: AccessControl{UseUsers: []string{"bob"}, WriteGroups: []string{"web"}},
			want:   map[string]Right{"ann": Write, "bob": Use, "eve": Write},
		},
		"readers": {
			access: AccessControl{ReadUsers: []string{"bob"}},
			want:   map[string]Right{"ann": Write, "bob": Read},
		},
		"readers and users": {
			access: AccessControl{ReadUsers: []string{"bob"}, UseGroups: []string{"ops"}},
			want:   map[string]Right{"ann": Write, "bob": Read, "eve": Use},
		},
		"owner alone": {
			access: AccessControl{ReadUsers: []string{"ann"}},
			want:   map[string]Right{"ann": Write},
		},
		"a tenant that reads": {
			access: AccessControl{ReadTenants: []string{"bank"}},
			want:   map[string]Right{"ann": Write, "bob": Write, "eve": Write, "bank": Read, "namesake": Read},
		},
		"a tenant that uses": {
			access: AccessControl{UseTenants: []string{"bank"}},
			want:   map[string]Right{"ann": Write, "bob": Write, "eve": Write, "bank": Use, "namesake": Use},
		},
		"another tenant": {
			access: AccessControl{UseTenants: []string{"ban", "bank-2"}},
			want:   map[string]Right{"ann": Write, "bob": Write, "eve": Write},
		},
		"names of the tenant": {
			access: AccessControl{WriteUsers: []string{"ann"}, WriteGroups: []string{"ops"}},
			want:   map[string]Right{"ann": Write, "bob": Use, "eve": Write},
		},
		"public": {
			public: true,
			want:   map[string]Right{"ann": Write, "bob": Write, "eve": Write, "bank": Use, "namesake": Use},
		},
		"public with readers": {
			public: true,
			access: AccessControl{ReadUsers: []string{"bob"}, ReadTenants: []string{"bank"}},
			want:   map[string]Right{"ann": Write, "bob": Use, "eve": Use, "bank": Use, "namesake": Use},
		},
		"draft": {state: Draft, want: map[string]Right{"ann": Write, "bob": Write, "eve": Write}},
		"public draft": {
			state:  Draft,
			public: true,
			access: AccessControl{WriteUsers: []string{"bob"}, UseTenants: []string{"bank"}},
			want:   map[string]Right{"ann": Write, "bob": Write},
		},
		"archived": {
			state:  Archived,
			access: AccessControl{UseTenants: []string{"bank"}},
			want:   map[string]Right{"ann": Write, "bob": Write, "eve": Write, "bank": Use, "namesake": Use},
		},
		"deprecated, of a reader": {
			state:  Deprecated,
			access: AccessControl{ReadGroups: []string{"web"}},
			want:   map[string]Right{"ann": Write, "eve": Read},
		},
	} {
		template := owned(c.access)
		template.Public, template.State = c.public, c.state
		for who, p := range people {
			if got := template.Right(p); got != c.want[who] {
				t.Errorf("%s: %s may %s, want %s", name, who, got, c.want[who])
			}
		}
	}
}

// TestRightsKeepTheirPromises tries all ways of filling the lists with two names each.
func TestRightsKeepTheirPromises(t *testing.T) {
	people := []Principal{of("shop", "ann"), of("shop", "bob"), of("shop", "eve", "bob"), of("shop", "kim"), of("bank",
		"ann", "bob"), of("mill", "bob")}
	fill := [][]string{nil, {"bob"}, {"bank"}}
	lists := len((&AccessControl{}).Lists())
	ways := 1
	for range lists {
		ways *= len(fill)
	}
	for way := range ways {
		var a AccessControl
		for i, rest := 0, way; i < lists; i, rest = i+1, rest/len(fill) {
			*a.Lists()[i].Names = fill[rest%len(fill)]
		}
		for _, public := range []bool{false, true} {
			template := owned(a)
			template.Public = public
			for _, p := range people {
				right := template.Right(p)
				broken := promise(template, p, right)
				template.State = Draft
				if draft := template.Right(p); draft != Nothing && draft != Write || draft == Write && right != Write {
					broken = fmt.Sprintf("of a draft: %s", draft)
				}
				template.State = ""
				if broken != "" {
					t.Fatalf("%+v may %s with public = %v and %+v: %s", p, right, public, a, broken)
				}
			}
		}
	}
}

func promise(t Template, p Principal, right Right) string {
	own, a := p.Tenant == t.ID.Tenant, t.Access
	given := func(list string) bool {
		for _, l := range a.Lists() {
			switch {
			case l.Name != list:
			case strings.HasSuffix(list, "_tenants"):
				return !own && slices.Contains(*l.Names, p.Tenant)
			case strings.HasSuffix(list, "_groups"):
				return own && slices.ContainsFunc(p.Groups, func(g string) bool { return slices.Contains(*l.Names, g) })
			default:
				return own && slices.Contains(*l.Names, p.User)
			}
		}
		return false
	}
	anyGiven := false
	for _, l := range a.Lists() {
		anyGiven = anyGiven || given(l.Name)
	}
	switch {
	case own && p.User == t.Owner && right != Write:
		return "an owner may write"
	case !own && right == Write:
		return "nobody else's users write"
	case t.Public && right < Use:
		return "what is public may be used"
	case (given("use_users") || given("use_groups") || given("use_tenants")) && right < Use:
		return "they were let use it"
	case (given("read_users") || given("read_groups") || given("read_tenants")) && right < Read:
		return "they were let read it"
	case (given("write_users") || given("write_groups")) && right < Write:
		return "they were let write it"
	case !own && !anyGiven && !t.Public && right != Nothing:
		return "nobody has given them anything"
	case own && len(a.WriteUsers)+len(a.WriteGroups) > 0 && !given("write_users") && !given("write_groups") &&
		p.User != t.Owner && right == Write:
		return "there are writers, and they are none"
	case own && len(a.ReadUsers)+len(a.ReadGroups) > 0 && !anyGiven && p.User != t.Owner && !t.Public &&
		right != Nothing:
		return "there are readers, and they are none"
	case own && len(a.ReadUsers)+len(a.ReadGroups)+len(a.UseUsers)+len(a.UseGroups) == 0 && right < Use:
		return "nothing keeps the tenant from using it"
	}
	return ""
}

func TestDraftsOfVersionsAreTheWriters(t *testing.T) {
	template := owned(AccessControl{WriteUsers: []string{"ann"}, UseTenants: []string{"bank"}})
	draft, active := Version{Lifecycle: Lifecycle{State: Draft}}, Version{}
	for _, c := range []struct {
		who           Principal
		draft, active Right
	}{
		{of("shop", "ann"), Write, Write}, {of("shop", "bob"), Nothing, Use}, {of("bank", "tom"), Nothing, Use},
		{of("mill", "tom"), Nothing, Nothing},
	} {
		if d, a := template.RightVersion(c.who, draft), template.RightVersion(c.who, active); d != c.draft ||
			a != c.active {
			t.Errorf("%v may %s a draft and %s an active version", c.who, d, a)
		}
	}
}

func TestARefusalSaysWhatIsMissingAndWhoGivesIt(t *testing.T) {
	template := owned(AccessControl{ReadUsers: []string{"bob"}, ReadTenants: []string{"bank"}})
	for name, c := range map[string]struct {
		who   Principal
		needs Right
		says  string
	}{
		"use": {of("shop", "bob"), Use,
			`this needs the right to use template "shop/web", and user "bob" of tenant "shop" may only read it. ` +
				`Its owner "ann", or a user who may write it, can grant the right in access_control: use_users ` +
				`or use_groups`},
		"write": {
			of("shop", "bob"), Write, `can grant the right in access_control: write_users or write_groups`,
		},
		"use of another tenant": {
			of("bank", "tom"), Use, `Its owner, "ann" of tenant "shop", or a user who may write it, can grant the ` +
				`right in access_control: use_tenants`,
		},
		"write of another tenant": {of("bank", "tom"), Write, `Only its own tenant, "shop", can have that right`},
	} {
		err := template.Need(c.who, c.needs)
		if refused, ok := errors.AsType[*RightError](err); !ok || refused.Needs != c.needs ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err := template.Need(c.who, Read); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, needs := range []Right{Read, Use, Write} {
		if err := template.Need(of("mill", "ann"), needs); !errors.Is(err, ErrNotFound) {
			t.Errorf("who may not read is told %v", err)
		}
	}
}

func TestAccessControlNamesWhoCanBe(t *testing.T) {
	findingtest.Expect(t, "none", AccessControl{}.Validate("shop"))
	findingtest.Expect(t, "all", AccessControl{
		ReadUsers: []string{"Ann Smith"}, UseGroups: []string{"ops"}, UseTenants: []string{"bank"},
	}.Validate("shop"))
	findingtest.Expect(t, "own tenant", AccessControl{UseTenants: []string{"bank", "shop"}}.Validate("shop"),
		"access_control.use_tenants: Redundant tenant")
	findingtest.Expect(t, "tenant unknown yet", AccessControl{UseTenants: []string{"bank", "shop"}}.Validate(""))
	findingtest.Expect(t, "wrong", AccessControl{
		ReadTenants: []string{"a.b"}, WriteGroups: []string{""},
	}.Validate("shop"),
		"access_control.read_tenants: Invalid tenant", "access_control.write_groups: Empty name")
	a := AccessControl{ReadUsers: []string{"a", "b", "a"}, UseTenants: []string{}}
	if b := (AccessControl{ReadUsers: []string{"b", "a"}}); !a.Equal(b) ||
		a.Equal(AccessControl{UseUsers: []string{"a", "b"}}) {
		t.Error("lists are sets")
	}
}
