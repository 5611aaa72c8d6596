package provider_test

import (
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/novacron/terraform-provider-novacron/internal/provider"
)

// What stands before the framework's server passes on every request that it does not answer.
// Terraform finds out what a server can do by Go's interfaces, so a method that is lost is a
// feature that is lost without a word.
func TestEveryMethodOfTheFrameworksServerIsReachable(t *testing.T) {
	framework := reflect.TypeOf(providerserver.NewProtocol6(provider.New("test")())())
	served := reflect.TypeOf(server(t))
	if framework == served {
		t.Fatal("nothing stands before the framework's server")
	}
	for method := range framework.Methods() {
		got, ok := served.MethodByName(method.Name)
		if !ok || !sameSignature(method.Type, got.Type) {
			t.Errorf("%s is not passed on to the framework", method.Name)
		}
	}
}

// sameSignature compares methods but for their receivers.
func sameSignature(a, b reflect.Type) bool {
	if a.NumIn() != b.NumIn() || a.NumOut() != b.NumOut() {
		return false
	}
	for n := 1; n < a.NumIn(); n++ {
		if a.In(n) != b.In(n) {
			return false
		}
	}
	for n := range a.NumOut() {
		if a.Out(n) != b.Out(n) {
			return false
		}
	}
	return true
}
