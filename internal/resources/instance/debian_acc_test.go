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

// A static address is in no lease: the guest has it from cloud-init, and its boot does not wait for a second interface,
// which no DHCP server answers.
func TestAccDebianGuestHasItsStaticAddress(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("static")
	quiet := filepath.Join(t.TempDir(), "network.xml")
	if err := os.WriteFile(quiet, fmt.Appendf(nil, `<network><name>%s</name></network>`, name), 0o600); err != nil {
		t.Fatal(err)
	}
	host.Virsh(t, "net-define", quiet)
	host.Virsh(t, "net-start", name)
	t.Cleanup(func() {
		host.Virsh(t, "net-destroy", name)
		host.Virsh(t, "net-undefine", name)
	})
	const address = "192.168.122.250"
	config := fmt.Sprintf(`
resource "novacron_template" "it" {
  name             = %[1]q
  hardware_profile = { memory_mb = 512 }
}
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "12.0.0"
  source      = { path = %[2]q }
}
`, name, acctest.DebianImage(t)) + instance("it", name, fmt.Sprintf(`
  network_profile = {
    default_network_policies = ["clean-traffic"]
    interfaces = {
      eth0 = { ip_configuration = { static_ip = "%s/24", gateway = "192.168.122.1", dns_servers = ["192.168.122.1", "2001:db8::53"] } }
      eth1 = { network = %q }
    }
  }
  wait_for = ["ip", "cloud_init"]
  timeouts {
    create = "15m"
    delete = "3m"
  }`, address, name))
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(),
		CheckDestroy:             leavesNothing(t, host, name),
		Steps: []resource.TestStep{{
			Config: config,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("novacron_instance.it", "ip_address", address),
				resource.TestCheckResourceAttr("novacron_instance.it", "ip_addresses.#", "1"),
				tfacc.OnHost(func() {
					for command, want := range map[string]string{
						"ip -o -4 addr show dev eth0":                              "inet " + address + "/24 ",
						"ip -4 route show default":                                 "default via 192.168.122.1 dev eth0",
						"cat /run/systemd/resolve/resolv.conf /etc/netplan/*.yaml": "2001:db8::53",
					} {
						if said := guestSays(t, host, name, "/bin/sh", "-c", command); !strings.Contains(said, want) {
							t.Errorf("%s says %q, want %q", command, said, want)
						}
					}
					host.Exec(t, "timeout", "30", "bash", "-c", "exec 3<>/dev/tcp/"+address+"/22")
					up, _, _ := strings.Cut(guestSays(t, host, name, "/bin/sh", "-c", "systemctl show -P ActiveState systemd-networkd-wait-online; true"), "\n")
					if up == "failed" {
						t.Error("the boot has waited for the interface that nobody answers")
					}
				}),
			),
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
