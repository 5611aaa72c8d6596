package instance_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// debianShop is a template that uses everything that a template can tell a guest, with a version of
// the Debian image.
const debianShop = `
resource "novacron_template" "it" {
  name             = %[1]q
  # Two emulated processors take longer than one, and so does one with wider registers.
  hardware_profile = { cpu_cores = 1, cpu_type = "Nehalem", memory_mb = 512 }
  storage_profile  = { disks = { system = { size_gb = 3 }, data = { size_gb = 1 } } }
  parameters = {
    name    = { type = "string", required = true, target = "hostname" }
    ssh_key = { type = "text", required = true }
    port    = { type = "integer", default = 8080 }
    lines   = { type = "list" }
    token   = { type = "string", sensitive = true }
  }
  cloud_init = {
    user_data = <<-EOT
      #cloud-config
      write_files:
        - path: /etc/app.conf
          content: |2-
            port={{ .port }}
            token={{ indent 6 (shell .token) }}
        - path: /etc/app.lines
          content: {{ join "\n" .lines | quote }}
      runcmd:
        - [sh, -c, {{ printf "echo %%s >/run/ran" (shell .name) | quote }}]
    EOT
  }
}
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "12.0.0"
  source      = { path = %[2]q }
%[3]s}
`

// debianInstance is an instance of that template that asks for everything that an instance can ask
// of a guest.
const debianInstance = `
resource "novacron_instance" "it" {
  name        = %[1]q
  template_id = novacron_template.it.id
  version     = novacron_template_version.it.version
%[6]s
  parameters  = { name = "web-1", ssh_key = %[2]q, port = 443, lines = ["a: 'b'", "#c \"d\""] }

  parameters_wo         = { token = %[3]q }
  parameters_wo_version = 1

  network_profile = {
    default_network_policies = ["clean-traffic"]
    interfaces = {
      eth0 = { ip_configuration = {
        static_ip   = "%[4]s/24"
        gateway     = "192.168.122.1"
        dns_servers = ["192.168.122.1", "2001:db8::53"]
      } }
      # Where no DHCP server answers, and the gateway is in no network of the interface's.
      eth1 = { network = %[1]q, ip_configuration = {
        static_ips      = ["203.0.113.5/32", "2001:db8:1::5/128"]
        gateways        = ["2001:db8:ffff::1"]
        gateway_on_link = true
      } }
    }
  }
  customization = {
    users = { deploy = { groups = ["adm", "made"], sudo = true, shell = "/bin/bash", ssh_authorized_keys = [%[2]q] } }
    files = {
      "/srv/app/it's \"odd\"" = {
        content     = "a: 'b'\n# {{ c }} \u0085\u2028 ä\n"
        permissions = "0640"
        owner       = "deploy:adm"
      }
      "/etc/motd" = { content = "" }
      # The image has no zones, of which cloud-init wants a file.
      "/usr/share/zoneinfo/Etc/GMT+5" = { content = "none" }
    }
    open_ports = [80]
    timezone   = "Etc/GMT+5"
    locale     = "C.UTF-8"
    run_commands = [
      "echo 'ran as '$(id -un) >>/run/ran",
      "test \"$(stat -c %%U '/srv/app/it'\\''s \"odd\"')\" = deploy",
      "systemctl enable --now listen@80.socket listen@81.socket",
    ]
    user_data = <<-EOT
      #cloud-config
      write_files:
        - path: /etc/systemd/system/listen@.socket
          content: |
            [Socket]
            ListenStream=%%i
            Accept=yes
            [Install]
            WantedBy=sockets.target
        - path: /etc/systemd/system/listen@.service
          content: |
            [Service]
            ExecStart=true
      runcmd:
        - echo last >>/run/ran
    EOT
  }
  wait_for    = ["cloud_init", "ip"]
  power_state = %[5]q
  timeouts {
    create = "60m" # as long as it takes
    update = "60m"
    delete = "3m"
  }
}
`

// One guest is told everything, because it takes minutes to boot: its host name, keys, addresses
// and disks, its template's user data with a secret, and a customization. It does what it was told,
// also after another boot, when the secret is gone from the host.
func TestAccDebianGuestIsAsItWasTold(t *testing.T) {
	debianIsAsItWasTold(t, "192.168.122.250", "", "")
}

// A guest that is resumed is, and stays, what one is that boots. Its second interface and its data disk
// are plugged in.
func TestAccResumedDebianGuestIsAsItWasTold(t *testing.T) {
	debianIsAsItWasTold(t, "192.168.122.251", `
  warm     = { settle_seconds = 1 }
  timeouts { create = "60m" }
`, `
  strategy    = "instantiate"
  on_no_warm  = "fail"
`)
}

func debianIsAsItWasTold(t *testing.T, address, ofVersion, ofInstance string) {
	t.Helper()
	host, name := acctest.RequireHost(t), tfacc.Name("debian")
	t.Parallel()
	host.Network(t, name, "")
	public, private := sshKey(t)
	secret := "it's " + rand.Text() // a quote, to make it hard
	w := newWorkspace(t, host, name, fmt.Sprintf(debianShop, name, acctest.DebianImage(t), ofVersion))
	powered := func(state string) {
		t.Helper()
		w.instances(t, fmt.Sprintf(debianInstance, name, public, secret, address, state, ofInstance))
		w.Apply(t)
		w.EmptyPlan(t)
	}
	powered("running")

	state := stateOf(t, w.Workspace, "novacron_instance.it")
	if state["ip_address"] != address ||
		!reflect.DeepEqual(state["ip_addresses"], []any{address, "203.0.113.5", "2001:db8:1::5"}) {
		t.Errorf("the addresses are %v, %v", state["ip_address"], state["ip_addresses"])
	}
	ssh := []string{
		"ssh", "-i", private, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
		"BatchMode=yes",
	}
	// says runs commands in one login, because each login takes an emulated guest seconds, and
	// compares what they print.
	says := func(user string, want map[string]string) {
		t.Helper()
		commands := slices.Sorted(maps.Keys(want))
		const end = "\n-- end --\n"
		script := strings.Join(commands, "\nprintf '"+strings.ReplaceAll(end, "\n", `\n`)+"'\n") + "\nexit 0"
		// On a busy machine, the guest's sshd may give up a login before it is done. 255 is ssh's own status.
		const patient = `until out=$("$@") || [ $? != 255 ]; do sleep 1; done; printf %s "$out"`
		out := host.Exec(t, slices.Concat([]string{"timeout", "600", "sh", "-c", patient, "sh"}, ssh,
			[]string{"-o", "ConnectTimeout=60", user + "@" + address, script})...)
		answers := strings.Split(strings.TrimSpace(out), end)
		if len(answers) != len(commands) {
			t.Fatalf("%d commands give %d answers: %q", len(commands), len(answers), answers)
		}
		for n, command := range commands {
			if got := strings.TrimSpace(answers[n]); got != want[command] {
				t.Errorf("%s: %s: got %q, want %q", user, command, got, want[command])
			}
		}
	}
	conf := "port=443\ntoken='it'\\''s " + secret[5:] + "'"
	says("root", map[string]string{
		"hostname":                        "web-1",
		"cat /run/ran":                    "web-1\nran as root\nlast",
		"cat /etc/app.conf":               conf,
		"cat /etc/app.lines":              "a: 'b'\n#c \"d\"",
		"cat /sys/block/vdb/size":         fmt.Sprint(1 << 30 / 512),
		"blkid /dev/vdb || echo blank":    "blank",
		"readlink /etc/localtime":         "/usr/share/zoneinfo/Etc/GMT+5",
		"tail -n 1 /etc/default/locale":   "LANG=C.UTF-8",
		"test -s /etc/motd || echo empty": "empty",
		"stat -c '%a %U %G' /srv/app/*":   "640 deploy adm",
		"base64 -w 0 /srv/app/*": base64.StdEncoding.EncodeToString(
			[]byte("a: 'b'\n# {{ c }} \u0085\u2028 ä\n")),
		"ip -o -4 addr show dev eth0 | grep -o 'inet [^ ]*'": "inet " + address + "/24",
		"ip -4 route show default | grep -o '.* dev eth0'":   "default via 192.168.122.1 dev eth0",
		"grep -ho 2001:db8::53 /etc/netplan/*.yaml":          "2001:db8::53",
		"ip -o -4 addr show dev eth1 | grep -o 'inet [^ ]*'": "inet 203.0.113.5/32",
		"ip -6 route show default | grep -o '.* dev eth1.* onlink'": "default via " +
			"2001:db8:ffff::1 dev eth1 proto static metric 1024 onlink",
		"systemctl show -P ActiveState systemd-networkd-wait-online | grep failed || echo no wait": "no wait",
		// The image's own file system has less than 2 GiB.
		"test $(df --output=size --block-size=1M / | tail -n 1) -gt 2600 && echo grown": "grown",
	})
	const listening = "until test $(ss -Hlnt | grep -c -E ':(80|81) ') = 2; do sleep 1; done; systemctl is-active " +
		"listen@80.socket listen@81.socket novacron-firewall"
	const active = "active\nactive\nactive"
	says("deploy", map[string]string{
		"id -Gn": "deploy adm made", "echo $SHELL": "/bin/bash", "sudo id -un": "root", listening: active,
	})
	// shielded checks from outside what the guest lets in, once it is listening on both ports.
	shielded := func() {
		t.Helper()
		const dial = `for port in 80 81; do
			state=closed
			timeout 10 bash -c "exec 3<>/dev/tcp/$0/$port" 2>/dev/null && state=open
			echo $port is $state
		done`
		if got := host.Exec(t, "bash", "-c", dial, address); got != "80 is open\n81 is closed\n" {
			t.Errorf("from outside, %q", got)
		}
	}
	shielded()
	findsNowhere(t, host, secret[5:], "nova.disk.default."+name+".")

	// The test does not reboot: a reboot costs an emulator 20 to 30 s more processor time than a
	// start.
	powered("stopped")
	powered("running")
	// cloud-init sees the same instance, so it does nothing twice, and the guest keeps what it has.
	says("root", map[string]string{
		"ls /var/lib/cloud/instances":   state["id"].(string),
		"cat /etc/app.conf":             conf,
		"test -e /run/ran || echo once": "once",
		"hostname":                      "web-1",
		listening:                       active,
	})
	shielded()
	// It has shut down once. Another shutdown would cost as much processor time as a good part of a
	// boot.
	host.Virsh(t, "destroy", name)
}

// findsNowhere searches all files of the host, except the disks of the guest itself, and everything
// that libvirt says for a secret.
func findsNowhere(t *testing.T, host *acctest.Host, secret, except string) {
	t.Helper()
	// exit status 1 means no match
	found, _ := exec.CommandContext(
		t.Context(), "grep", "--recursive", "--fixed-strings", "--text", "--files-with-matches", "--devices=skip",
		"--exclude="+except+"*", secret, host.Root,
	).Output()
	if len(found) > 0 {
		t.Errorf("the secret is left in\n%s", found)
	}
	for domain := range strings.FieldsSeq(host.Virsh(t, "list", "--all", "--name")) {
		if text, err := exec.CommandContext(
			t.Context(), "virsh", "--connect", host.URI, "dumpxml", domain,
		).Output(); err == nil && strings.Contains(string(text), secret) {
			t.Errorf("the definition of %s holds the secret", domain)
		}
	}
}

// sshKey creates a key pair. It returns the line for authorized_keys and the path of the private
// key.
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
