package resume

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeRoot is a guest as far as the scripts need one: a directory that stands for its files, and
// programs that do as those of a guest do, and note how they were called.
type fakeRoot struct {
	*testing.T
	dir string
}

func newFakeRoot(t *testing.T) fakeRoot {
	t.Helper()
	r := fakeRoot{t, t.TempDir()}
	for path, content := range map[string]string{
		"/etc/group": "root:x:0:\nadm:x:4:\n", "/proc/uptime": "100.25 90.00\n",
		"/proc/self/mountinfo": "21 1 254:1 / / rw - ext4 /dev/vda1 rw\n", "/run/novacron/clock": "1000 60\n",
		"/run/novacron/cards": "", "/run/novacron/clocks": "", "/run/novacron/sshd": "ssh.service\n",
		"/run/novacron/once": "config_once.once\n", "/run/novacron/networks": "",
		"/run/novacron/image": "image_version=22 image_keytypes=ed25519 image_python=3.11 image_netplan= " +
			"image_semaphores='consume_data config_ssh' image_user_name=debian image_user_gecos='The Debian' " +
			"image_user_groups=adm,sudo image_user_shell=/bin/bash image_user_sudo='ALL=(ALL) NOPASSWD:ALL'\n",
		"/etc/machine-id": "0123\n", "/run/cloud-init/x": "", "/usr/share/zoneinfo/Etc/GMT+5": "zone",
		"/etc/ssh/x": "", "/home/old/x": "", "/root/x": "", "/dev/x": "", "/sys/x": "", "/var/lib/cloud/data/x": "",
		"/var/log/x": "",
	} {
		r.write(path, content)
	}
	r.write("/etc/passwd", r.inside("root:x:0:0:root:/root:/bin/bash\nold:x:1:1::/home/old:/bin/sh\n"))
	for _, name := range []string{"status.json", "result.json"} { // as Seal leaves them
		r.link("/var/lib/cloud/data/"+name, "/run/cloud-init/"+name)
	}
	for _, program := range []string{
		"base64", "cat", "chmod", "cut", "cp", "grep", "head", "ln", "ls", "mkdir", "mv", "readlink", "rm", "sed", "sh",
		"sleep", "sort", "tee", "touch", "tr",
	} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(r.path("/bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, r.path("/bin/"+program)); err != nil {
			t.Fatal(err)
		}
	}
	for program, script := range map[string]string{
		"chown": "", "chgrp": "", "passwd": "", "networkctl": "", "udevadm": "",
		"systemctl": `case "$*" in *is-failed*) exit 1 ;; esac`,
		"id":        `[ "$1" = -Gn ] && echo "$2 adm made" || grep "^$1:" /etc/passwd`,
		"groupadd":  `echo "$1:x:9:" >>/etc/group`,
		"useradd": `case $1 in bad) exit 1 ;; esac
shell=/bin/sh
for word; do [ "$last" != --shell ] || shell=$word; last=$word; done
echo "$1:x:9:9::/home/$1:$shell" >>/etc/passwd; mkdir -p "/home/$1"`,
		"ssh-keygen": `for file; do :; done; echo key >"$file"; echo public >"$file.pub"`,
	} {
		note := "#!/bin/sh\nprintf '%s\\n' \"" + program + " $*\" >>" + r.dir + "/calls\n"
		r.write("/bin/"+program, note+r.inside(script)+"\n")
		if err := os.Chmod(r.path("/bin/"+program), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r fakeRoot) path(name string) string { return filepath.Join(r.dir, name) }

// inside has a script use the directory for the guest's.
func (r fakeRoot) inside(script string) string {
	var pairs []string
	for _, name := range []string{
		"/etc", "/home", "/proc", "/root", "/run", "/sys", "/usr/share", "/var", "/dev/ttyS0", "/dev/console",
	} {
		for _, before := range []string{" ", "'", "\"", "=", ">", "<", ":", "("} {
			pairs = append(pairs, before+name, before+r.dir+name)
		}
	}
	return strings.NewReplacer(append(pairs, "cd /\n", "cd "+r.dir+"\n")...).Replace(script)
}

func (r fakeRoot) write(name, content string) {
	r.Helper()
	if err := os.MkdirAll(filepath.Dir(r.path(name)), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(r.path(name), []byte(content), 0o600); err != nil {
		r.Fatal(err)
	}
}

// read returns a file of the guest, "" for none.
func (r fakeRoot) read(name string) string {
	r.Helper()
	content, err := os.ReadFile(r.path(name))
	if err != nil && !os.IsNotExist(err) {
		r.Fatal(err)
	}
	return string(content)
}

// run runs a script in the guest, as the agent does.
func (r fakeRoot) run(script string) (stdout, stderr string, err error) {
	r.Helper()
	var out, errs strings.Builder
	sh, err := exec.LookPath("sh")
	if err != nil {
		r.Fatal(err)
	}
	cmd := exec.CommandContext(r.Context(), sh)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(r.inside(script)), &out, &errs
	cmd.Dir, cmd.Env = r.dir, []string{"PATH=" + r.path("/bin")}
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// mode returns the permissions of a file.
func (r fakeRoot) mode(name string) os.FileMode {
	r.Helper()
	info, err := os.Stat(r.path(name))
	if err != nil {
		r.Fatal(err)
	}
	return info.Mode().Perm()
}

func (r fakeRoot) link(to, name string) {
	r.Helper()
	if err := os.MkdirAll(filepath.Dir(r.path(name)), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.Symlink(r.path(to), r.path(name)); err != nil {
		r.Fatal(err)
	}
}
