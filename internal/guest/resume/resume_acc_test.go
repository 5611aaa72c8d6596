package resume

import (
	"crypto/ed25519"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
)

// Two guests are resumed from the memory of a third, and have nothing of their own in common.
func TestAccResumedGuestsHaveIdentitiesOfTheirOwn(t *testing.T) {
	s := newSite(t, acctest.TinyImage, 128)
	t.Parallel()
	sealed := s.seal(false, "echo sealed >/run/sealed", "date -s '2020-01-01 00:00:00' >/dev/null")
	if sealed.facts.Reseed != "novacron-reseed" || sealed.facts.CloudInit != "" {
		t.Errorf("the guest says of itself %s", sealed.facts)
	}
	const own = `head -c 16 /dev/urandom | hexdump -v -e '16/1 "%02x" "\n"'
cat /proc/sys/kernel/random/uuid /etc/machine-id
hostname
cat /sys/class/net/eth0/address`
	var answers [][]string
	for _, name := range []string{"one", "two"} {
		v, lane := sealed.resume(name, 0, func(v *vm) Person {
			return Person{
				UUID: v.uuid, Seed: guest.Seed{InstanceID: v.uuid, Hostname: name + ".example.com"},
				Commands: []string{"hostname >/run/resumed", "cat /run/sealed >>/run/resumed"},
			}
		})
		if lane != LaneNone {
			t.Errorf("the lane of a guest without cloud-init is %s", lane)
		}
		address := v.address()
		t.Logf("%s: its address is there after %.1f s", name, time.Since(v.began).Seconds())
		answer := append(strings.Fields(v.does(own)), address)
		answers = append(answers, answer)
		if answer[2] != strings.ReplaceAll(v.uuid, "-", "") || answer[3] != name+".example.com" || answer[4] != v.mac {
			t.Errorf("%s says of itself %q", name, answer)
		}
		if got, want := v.does("cat /run/resumed"), name+".example.com\nsealed\n"; got != want {
			t.Errorf("the commands saw %q, want %q", got, want)
		}
		now := must.Get[int64](t)(strconv.ParseInt(strings.TrimSpace(v.does("date +%s")), 10, 64))
		if offset := time.Since(time.Unix(now, 0)); offset.Abs() > time.Minute {
			t.Errorf("its clock is off by %s", offset)
		}
	}
	for n, mine := range answers[0] {
		if mine == answers[1][n] {
			t.Errorf("both guests have %q", mine)
		}
	}
}

// A guest is not sealed as long as it serves others, or as a command of its template's author fails.
func TestAccGuestsAreRefused(t *testing.T) {
	s := newSite(t, acctest.TinyImage, 128)
	t.Parallel()
	v := s.boot("refused", 0, func(v *vm) (guest.Files, error) { return Seed(v.name) })
	v.answers()
	for want, command := range map[string]string{
		"seal_commands[1] ended with exit status 3.\n": "exit 3",
		"the guest listens on port 8080 (tcp6, nc): stop that in seal_commands, and start it again in " +
			"resume_commands.\n": "nc -l -p 8080 >/dev/null 2>&1 </dev/null &\n" +
			"until grep -q :1F90 /proc/net/tcp6; do :; done",
	} {
		result := v.runs(Seal([]string{"true", command}))
		if result.ExitCode == 0 || result.Stderr != want || result.Stdout != "" {
			t.Errorf("it ended with %d, %q and %q, want %q", result.ExitCode, result.Stdout, result.Stderr, want)
		}
	}
	// What has begun to listen since then is found, too.
	if result := v.runs(Silent()); result.ExitCode == 0 || !strings.HasPrefix(result.Stderr, "the guest listens on") {
		t.Errorf("it ended with %d and %q", result.ExitCode, result.Stderr)
	}
	v.answers()
}

// everything is what an instance can ask for without more than a script.
func everything(t *testing.T, v *vm, host, key string) guest.Seed {
	t.Helper()
	return guest.Seed{
		InstanceID: v.uuid, Hostname: host, SSHAuthorizedKeys: []string{key},
		Customization: &guest.Customization{
			Users: map[string]guest.User{
				"deploy": {
					Groups: []string{"adm", "made"}, Sudo: true, Shell: "/bin/bash", SSHAuthorizedKeys: []string{key},
				},
				"plain": {},
			},
			Files: map[string]guest.File{
				"/srv/app/it's \"odd\"": {
					Content: "a: 'b'\n# $(c) \u0085\u2028 ä\n", Permissions: "0640", Owner: "deploy:adm",
				},
				"/etc/motd":  {Content: ""},
				"/srv/bytes": {Content: "\x00\xff'\\n", Permissions: "755"},
			},
			RunCommands: []string{
				"echo 'ran as '$(id -un) >>/run/ran",
				"test \"$(stat -c %U '/srv/app/it'\\''s \"odd\"')\" = deploy",
				"systemctl is-active ssh.service >>/run/ran",
			},
		},
		NetworkInterfaces: []guest.NetworkInterface{{Name: "eth0", MAC: v.mac, DHCP: true}},
	}
}

// portrait prints what a guest has become: what is the same in all guests that were asked for the
// same.
const portrait = `
hostname; cat /etc/hostname /etc/hosts /run/ran
getent passwd deploy plain debian; getent shadow deploy plain debian
id deploy; id plain; id debian; getent group made netdev
stat -c '%n %a %U:%G' /srv /srv/app /srv/app/* /srv/bytes /etc/motd /etc/ssh/ssh_host* /etc/sudoers.d/* \
  /root/.ssh /root/.ssh/* /home/*/.ssh /home/*/.ssh/* /var/log/cloud-init-output.log
sha256sum /srv/app/* /srv/bytes
grep -v '^#' /etc/sudoers.d/90-cloud-init-users
cat /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
ls /var/lib/cloud /var/lib/cloud/data /var/lib/cloud/sem
cd /var/lib/cloud/data && cat previous-hostname set-hostname python-version
cat /run/cloud-init/result.json
cloud-init status
systemctl is-active ssh systemd-networkd systemd-resolved
systemctl --failed --plain --no-legend
timedatectl show -P Timezone
ls /sys/class/net /var/lib/cloud/scripts/per-boot /run/systemd/network
df --output=size --block-size=100M / | tail -n 1
`

// identity prints what each guest has for itself, and keeps.
const identity = `cat /etc/machine-id /var/lib/cloud/data/instance-id /etc/ssh/ssh_host_*_key.pub
sha256sum /etc/ssh/ssh_host_*`

// Guests with cloud-init become by either lane what they become by a boot, and keep it over the next
// boot, in which nothing of it is done again.
func TestAccDebianGuestsAreResumed(t *testing.T) {
	s := newSite(t, acctest.DebianImage, 512)
	t.Parallel()
	key := publicKey(t)
	const size = 3 << 30
	sealed := s.seal(true)
	if sealed.facts.NotPlain != "" || !sealed.facts.Preloaded || sealed.facts.CloudInit == "" {
		t.Fatalf("the guest says of itself %s", sealed.facts)
	}
	guests := map[Lane]*vm{}
	finish := func(lane Lane, v *vm) {
		t.Helper()
		if failure := v.reports(); failure != "" {
			t.Errorf("%s: its report is %q", lane, failure)
		}
		guests[lane] = v
		t.Logf("%s: everything is done after %.1f s, of which the processor took %.1f s", lane,
			time.Since(v.began).Seconds(), v.used().Seconds())
		v.done()
	}
	const booted = Lane("boot")
	finish(booted, s.boot("boot", size, func(v *vm) (guest.Files, error) {
		return everything(t, v, "web-1.example.com", key).Render()
	}))
	portraits := map[Lane]string{booted: guests[booted].does(portrait)}
	identities := map[Lane]string{booted: guests[booted].does(identity)}
	s.check(s.conn.DestroyDomain(t.Context(), guests[booted].uuid))

	for _, want := range []Lane{LanePlain, LaneCloudInit} {
		facts := sealed.facts
		if want == LaneCloudInit {
			facts.NotPlain = "the test wants it so"
		}
		choice := sealed
		choice.facts = facts
		v, lane := choice.resume(string(want), size, func(v *vm) Person {
			return Person{
				UUID: v.uuid, Seed: everything(t, v, "web-1.example.com", key),
				Commands: []string{"touch /run/resumed"},
			}
		})
		if lane != want {
			t.Errorf("the lane is %s, want %s", lane, want)
		}
		finish(want, v)
		v.address()
		v.does("test -e /run/resumed")
	}
	lanes := []Lane{LanePlain, LaneCloudInit}
	same := func(lane Lane, when string) {
		t.Helper()
		if got := guests[lane].does(portrait); got != portraits[booted] {
			t.Errorf("%s: %s its next boot it is\n%s\nand one that was booted is\n%s",
				lane, when, got, portraits[booted])
		}
	}
	for _, lane := range lanes {
		v := guests[lane]
		same(lane, "before")
		identities[lane] = v.does(identity)
		v.does("sync")
		s.check(s.conn.DestroyDomain(t.Context(), v.uuid))
		s.check(s.conn.StartDomain(t.Context(), v.uuid))
	}
	for _, lane := range lanes { // which boot as any guest
		v := guests[lane]
		v.done()
		v.address()
		if again := v.does("ls /run/ran /run/resumed 2>/dev/null || true"); again != "" {
			t.Errorf("%s: the next boot did again what made %q", lane, again)
		}
		v.does("echo 'ran as root' >/run/ran; echo active >>/run/ran") // for the portrait
		same(lane, "after")
		if identity := v.does(identity); identity != identities[lane] {
			t.Errorf("%s: it was\n%s\nand after a boot it is\n%s", lane, identities[lane], identity)
		}
		s.check(s.conn.DestroyDomain(t.Context(), v.uuid))
	}
	sealed.killed()
	lines := map[string]Lane{}
	for lane, text := range identities {
		for line := range strings.Lines(text) {
			if other, taken := lines[line]; taken {
				t.Errorf("%s and %s have the same %q", lane, other, line)
			}
			lines[line] = lane
		}
	}
}

// killed expects a guest to report that what personalises it was killed.
func (s sealed) killed() {
	s.Helper()
	v, _ := s.resume("killed", 0, func(v *vm) Person {
		return Person{UUID: v.uuid, Seed: guest.Seed{
			InstanceID: v.uuid, Hostname: "web-1",
			Customization: &guest.Customization{RunCommands: []string{
				"systemctl kill --kill-who=main --signal=KILL novacron-resume.service; sleep 600",
			}},
		}}
	})
	const want = "what personalises the guest ended before it was done: it was ended by the signal KILL"
	if failure := v.reports(); failure != want {
		s.Errorf("its report is %q, want %q", failure, want)
	}
	if now := must.Get[agent.CloudInit](s)(v.CloudInitStatus(s.Context())); now.Status != agent.CloudInitError ||
		!slices.Equal(now.Errors, []string{want}) {
		s.Errorf("cloud-init says %+v", now)
	}
	s.check(s.conn.DestroyDomain(s.Context(), v.uuid))
}

func publicKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(must.Get[ssh.PublicKey](t)(ssh.NewPublicKey(public)))))
}
