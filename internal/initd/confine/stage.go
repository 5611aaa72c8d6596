//go:build linux

package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// Stage runs a stage if the arguments of the program name one; it does not return then.
func Stage(args []string) {
	if len(args) != 2 {
		return
	}
	switch args[1] {
	case stageRun:
		runtime.LockOSThread() // credentials and filters are a thread's
		if err := run(readSpec()); err != nil {
			report(reasonOf(err))
		}
		os.Exit(1)
	case stagePrepare:
		s := readSpec()
		if err := prepare(s.Dirs, s.Files); err != nil {
			report(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	case stageConsole:
		signal.Ignore(unix.SIGTERM, unix.SIGHUP)
		os.Exit(relay(os.Stdin, os.NewFile(specFD, "log")))
	case stageHold:
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is all that matters
		os.Exit(0)
	}
}

func readSpec() spec {
	unix.CloseOnExec(reportFD)
	file := os.NewFile(specFD, "spec")
	var s spec
	if err := json.NewDecoder(file).Decode(&s); err != nil {
		report(err.Error())
		os.Exit(1)
	}
	file.Close()
	return s
}

func report(text string) {
	_, _ = unix.Write(reportFD, []byte(text)) // nobody is left to be told
}

// reasonOf is what a message says besides the program's name, which the caller adds.
func reasonOf(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		switch errno { // the others say what they mean
		case unix.ENOENT:
			return "no such file"
		case unix.EACCES:
			return "permission denied"
		case unix.ENOEXEC:
			return "it is not a program for this machine, or a script without an interpreter"
		}
		return errno.Error() // without the path
	}
	return err.Error()
}

// run gives away what the program must not have, and executes it. It returns only if that fails.
func run(s spec) error {
	unix.Umask(0o022)
	var filter *unix.SockFprog
	if s.Confined {
		var err error
		if filter, err = defaultFilter(); err != nil {
			return fmt.Errorf("making the filter of system calls: %w", err)
		}
		if err := dropCapabilities(); err != nil {
			return err
		}
	}
	if err := become(s.Process); err != nil {
		return err
	}
	if s.Process.Dir != "" {
		if err := unix.Chdir(s.Process.Dir); err != nil {
			return fmt.Errorf("entering the working directory %s: %w", s.Process.Dir, detached{err})
		}
	}
	if err := ResetSignals(); err != nil {
		return err
	}
	program, err := lookUp(s.Process.Args[0], s.Process.Env)
	if err != nil {
		return err
	}
	if s.Confined {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return os.NewSyscallError("prctl", detached{err})
		}
		if err := install(filter); err != nil {
			return fmt.Errorf("filtering system calls: %w", detached{err})
		}
	}
	report(string(begun))
	err = unix.Exec(program, s.Process.Args, s.Process.Env)
	if errors.Is(err, unix.ENOENT) { // the file is there
		return errors.New("its interpreter does not exist")
	}
	return err
}

// detached keeps reasonOf from taking an error for the program's.
type detached struct{ error }

// become gives the thread the ids of the process. The functions of package syscall would do so for
// all threads, and wait for them.
func become(p initd.Process) error {
	groups := append([]uint32{}, p.Groups...)
	if err := setGroups(groups); err != nil {
		return fmt.Errorf("setting groups: %w", detached{err})
	}
	gid, uid := uintptr(p.GID), uintptr(p.UID)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); errno != 0 {
		return fmt.Errorf("setting the group %d: %w", p.GID, detached{errno})
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); errno != 0 {
		return fmt.Errorf("setting the user %d: %w", p.UID, detached{errno})
	}
	return nil
}

// searchPath is PATH if the environment has none, as in container engines.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// lookUp finds the program, as a shell does.
func lookUp(program string, env []string) (string, error) {
	if strings.Contains(program, "/") {
		return program, executable(program)
	}
	dirs := searchPath
	for _, e := range env { // as in execvp, the first counts
		if value, found := strings.CutPrefix(e, "PATH="); found {
			dirs = value
			break
		}
	}
	var reason error = unix.ENOENT
	for dir := range strings.SplitSeq(dirs, ":") {
		file := filepath.Join(dir, program)
		if dir == "" {
			file = "./" + program
		}
		err := executable(file)
		if err == nil {
			return file, nil
		}
		if errors.Is(err, unix.EACCES) {
			reason = err
		}
	}
	return "", reason
}

func executable(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return unix.EACCES
	}
	return unix.Faccessat(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS)
}

// prepare makes directories and writes files. It runs as the container's root, because the image
// decides where a path leads.
func prepare(dirs []string, files []initd.File) error {
	unix.Umask(0)
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as images have them
			return fmt.Errorf("making the directory: %w", err)
		}
	}
	for _, f := range files {
		if err := write(f); err != nil {
			return fmt.Errorf("writing the file %s: %w", f.Path, err)
		}
	}
	return nil
}

func write(f initd.File) error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil { //nolint:gosec // as images have them
		return err
	}
	// It is not replaced: something may be mounted there. Without O_NONBLOCK, a pipe would wait.
	file, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, fs.ErrInvalid)
	}
	if err := file.Chmod(0o600); err != nil { // before it has secrets
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	if _, err := file.Write(f.Content); err != nil {
		return err
	}
	if err := file.Chown(int(f.UID), int(f.GID)); err != nil {
		return err
	}
	if err := unix.Fchmod(int(file.Fd()), f.Mode); err != nil { // after chown, which clears setuid
		return err
	}
	return file.Close()
}
