package tfacc

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/novacron/terraform-provider-novacron/internal/provider"
)

// address is the provider's address. Terraform does not ask that registry.
const address = "registry.terraform.io/novacron/novacron"

// goodbye is how long a provider may take at its end to record on the host that Terraform has
// received every response.
const goodbye = 10 * time.Second

// Even if no log is asked for, the framework writes trace messages. Terraform discards them, but
// here the test's own process would print them.
func init() {
	for _, variable := range silence {
		if name, value, _ := strings.Cut(variable, "="); os.Getenv(name) == "" {
			_ = os.Setenv(name, value)
		}
	}
}

var silence = []string{"TF_LOG_SDK=off", "TF_LOG_PROVIDER=off"}

// Terraform, and the provider as a process, run about a thousand times, each for a second. They
// gain nothing by collecting garbage before there is a lot of it.
func init() {
	_ = errors.Join(os.Setenv("GOGC", "off"), os.Setenv("GOMEMLIMIT", "256MiB"))
}

// environment returns the test's environment without the variables that silence its own process.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool { return slices.Contains(silence, variable) })
}

// serve serves the provider to one command of Terraform, in the test's own process. For settings
// that the configuration leaves out, the provider looks in env and then in the test's environment.
// attach is the environment variable that makes Terraform use this provider.
func serve(ctx context.Context, t testing.TB, env map[string]string) (attach string, end func(), err error) {
	lookup := func(name string) string {
		if value, ok := env[name]; ok {
			return value
		}
		return os.Getenv(name)
	}
	server, leaving, err := provider.NewServer(
		"test", provider.FastPath(comparing(t)), provider.Environment(lookup))
	if err != nil {
		return "", nil, err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	config, closed := madeFor(tf6server.WithDebug), make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		failed <- tf6server.Serve(address, server, tf6server.WithDebug(serving, config, closed),
			tf6server.WithGoPluginLogger(hclog.NewNullLogger()), tf6server.WithoutLogStderrOverride())
	}()
	select {
	case err := <-failed:
		stop()
		return "", nil, err
	case c := <-config:
		type addr struct{ Network, String string }
		attach, err := json.Marshal(map[string]any{address: map[string]any{
			"Protocol":        c.Protocol,
			"ProtocolVersion": c.ProtocolVersion,
			"Pid":             os.Getpid(),
			"Test":            true,
			"Addr":            addr{c.Addr.Network(), c.Addr.String()},
		}})
		end := func() {
			stop()
			<-closed
			leave(ctx, leaving)
		}
		if err != nil {
			end()
		}
		return "TF_REATTACH_PROVIDERS=" + string(attach), end, err
	}
}

// madeFor creates the channel that an option takes. It infers the type, whose package cannot be
// imported here.
func madeFor[T any](func(context.Context, chan T, chan struct{}) tf6server.ServeOpt) chan T {
	return make(chan T)
}

// leave ends a provider. It ignores errors: if the host is gone, the provider cannot confirm
// anything there, and the test does not depend on that.
func leave(ctx context.Context, end func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	_ = end(ctx)
}

// Factories serves the provider to plugin-testing, in the test's own process. Each command gets a
// new instance, as if Terraform had started it.
func Factories(t testing.TB) map[string]func() (tfprotov6.ProviderServer, error) {
	var mu sync.Mutex
	end := func(context.Context) error { return nil } // ends the previous command's instance
	t.Cleanup(func() { leave(t.Context(), end) })
	return map[string]func() (tfprotov6.ProviderServer, error){
		"novacron": func() (tfprotov6.ProviderServer, error) {
			mu.Lock()
			defer mu.Unlock()
			leave(t.Context(), end)
			server, next, err := provider.NewServer("test", provider.FastPath(comparing(t)))
			if err != nil {
				return nil, err
			}
			end = next
			return server(), nil
		},
	}
}
