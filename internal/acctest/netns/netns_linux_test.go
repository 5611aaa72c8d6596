package netns

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

func networkOf(t *testing.T, path string) string {
	t.Helper()
	link, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// Taking a test host down kills every process whose first thread is in its network, so that thread of a test must
// never stay there.
func TestAllThreadsComeBack(t *testing.T) {
	if os.Geteuid() != 0 {
		needs.Missing(t, "root, to make a network namespace")
	}
	name := fmt.Sprintf("nova-back-%d", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	before := networkOf(t, "/proc/self/ns/net")
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := Do("/run/netns/"+name, func() error {
				if link, err := os.Readlink("/proc/thread-self/ns/net"); err != nil || link == before {
					return fmt.Errorf("it is in %s (%w)", link, err)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		if link, err := os.Readlink("/proc/self/task/" + thread.Name() + "/ns/net"); err == nil && link != before {
			t.Errorf("thread %s of %d stays in %s", thread.Name(), os.Getpid(), link)
		}
	}
}
