package instance_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"golang.org/x/crypto/ssh"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

func TestAccDebianGuestIsReadyToLogIn(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("debian")
	public, private := sshKey(t)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(),
		CheckDestroy:             leavesNothing(t, host, name),
		Steps: []resource.TestStep{{
			Config: fmt.Sprintf(`
resource "novacron_template" "debian" {
  name             = %[1]q
  hardware_profile = { memory_mb = 512 }
  storage_profile  = { disks = { system = { size_gb = 3 }, data = { size_gb = 1 } } }
  parameters = {
    name    = { type = "string", required = true, target = "hostname" }
    ssh_key = { type = "text", required = true }
  }
}
resource "novacron_template_version" "debian" {
  template_id = novacron_template.debian.id
  version     = "12.0.0"
  source      = { path = %[2]q }
}
resource "novacron_instance" "debian" {
  name        = %[1]q
  template_id = novacron_template.debian.id
  version     = novacron_template_version.debian.version
  parameters  = { name = "web-1", ssh_key = %[3]q }
  wait_for    = ["cloud_init", "ip"]
  timeouts {
    create = "15m"
    delete = "3m"
  }
}
`, name, acctest.DebianImage(t), public),
			Check: func(s *terraform.State) error {
				address := s.RootModule().Resources["novacron_instance.debian"].Primary.Attributes["ip_address"]
				said := host.Exec(t, "ssh", "-i", private, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes",
					"-o", "ConnectTimeout=30", "root@"+address, "hostname; df --output=size --block-size=1M / | tail -n 1; cat /sys/block/vdb/size; blkid /dev/vdb || echo blank")
				lines := strings.Fields(said)
				if len(lines) != 4 {
					return fmt.Errorf("the guest said %q", said)
				}
				if lines[0] != "web-1" {
					t.Errorf("the guest calls itself %q", lines[0])
				}
				// The image's own file system has less than 2 GiB.
				if size, err := strconv.Atoi(lines[1]); err != nil || size < 2600 || size > 3072 {
					t.Errorf("/ has %s MiB, want nearly 3 GiB", lines[1])
				}
				if lines[2] != fmt.Sprint(1<<30/512) || lines[3] != "blank" {
					t.Errorf("the data disk has %s sectors and is %s, want 1 GiB and blank", lines[2], lines[3])
				}
				return nil
			},
		}},
	})
}

// sshKey makes a key pair: the line for authorized_keys, and the path of the private key.
func sshKey(t *testing.T) (public, private string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if err != nil {
		t.Fatal(err)
	}
	private = filepath.Join(t.TempDir(), "id_ed25519")
	if err := os.WriteFile(private, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(key)), private
}
