//go:build linux

package confine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/initd/process"
)

// Launcher starts programs in a container.
type Launcher struct {
	reaper *process.Reaper
	users  *initd.IDRange // nil for a privileged container
	self   *os.File       // nova-init
	null   *os.File
	score  []byte // see protect; nil if nova-init has the score of all others
}

// NewLauncher creates a Launcher whose programs have the host's ids of users, or, if it is nil, are
// not confined. It has to be called while nova-init's own file can be seen.
func NewLauncher(reaper *process.Reaper, users *initd.IDRange) (*Launcher, error) {
	self, err := sealedSelf()
	if err != nil {
		return nil, fmt.Errorf("copying nova-init into memory: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	l := &Launcher{reaper: reaper, users: users, self: self, null: null}
	if err := l.protect(); err != nil {
		return nil, err
	}
	return l, nil
}

// sealedSelf copies the program into memory, where nothing can change it. A process of the container
// can open the file of a stage by /proc, and the file itself may be shared by all containers of the
// host, and closed to the container's root.
func sealedSelf() (*os.File, error) {
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer program.Close()
	fd, err := unix.MemfdCreate("nova-init", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 all can be executed, and the flag is not known
		fd, err = unix.MemfdCreate("nova-init", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	self := os.NewFile(uintptr(fd), "nova-init")
	if _, err := io.Copy(self, program); err != nil {
		return nil, err
	}
	if err := self.Chmod(0o555); err != nil {
		return nil, err
	}
	const seals = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(self.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return self, nil
}

// ID is the host's id for an id of the container.
func (l *Launcher) ID(id uint32) int {
	if l.users == nil {
		return int(id)
	}
	return int(l.users.First + id)
}

// start starts a stage with its first five files.
func (l *Launcher) start(stage string, files [5]*os.File) (*process.Child, error) {
	attr := &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	if l.users != nil {
		attr.Sys.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWCGROUP
		attr.Sys.UidMappings = []syscall.SysProcIDMap{{HostID: int(l.users.First), Size: int(l.users.Count)}}
		attr.Sys.GidMappings = attr.Sys.UidMappings
		attr.Sys.GidMappingsEnableSetgroups = true
		attr.Sys.Credential = &syscall.Credential{}
	}
	name := "nova-init"
	if stage == stageConsole {
		// systemd spares processes of that name when it shuts down ("Storage Daemons for the Root File
		// System" in its documentation).
		name = "@" + name
	}
	child, err := l.reaper.Start("/proc/self/fd/"+strconv.Itoa(int(l.self.Fd())), []string{name, stage}, attr)
	if err != nil {
		return nil, fmt.Errorf("starting a process of the container: %w", err)
	}
	return child, nil
}

// stage starts a stage, passes it the spec, and returns what it reports.
func (l *Launcher) stage(name string, s spec, output *os.File) (*process.Child, []byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, nil, err
	}
	specRead, specWrite, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer specWrite.Close()
	defer specRead.Close()
	reportRead, reportWrite, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer reportRead.Close()
	child, err := l.start(name, [5]*os.File{l.null, output, output, specRead, reportWrite})
	reportWrite.Close()
	if err != nil {
		return nil, nil, err
	}
	specRead.Close()
	failed := l.expose(strconv.Itoa(child.PID)) // it waits for the spec
	if failed == nil {
		_, failed = specWrite.Write(text)
	}
	specWrite.Close()
	report, err := io.ReadAll(reportRead)
	if err = errors.Join(failed, err); err != nil && len(report) == 0 {
		child.Kill()
		return nil, nil, fmt.Errorf("talking to a process of the container: %w", err)
	}
	return child, report, nil
}

// Start executes a program, and returns when it is executed. Its output goes to output. The error
// says what could not be executed and why.
func (l *Launcher) Start(program initd.Process, output *os.File) (*process.Child, error) {
	// The application may open /dev/stdout, which is this file.
	if err := output.Chown(l.ID(program.UID), l.ID(program.GID)); err != nil {
		return nil, err
	}
	child, report, err := l.stage(stageRun, spec{Process: program, Confined: l.users != nil}, output)
	if err != nil {
		return nil, err
	}
	reason, executed := bytes.CutPrefix(report, []byte{begun})
	if executed && len(reason) == 0 {
		return child, nil
	}
	<-child.Exited()
	if len(reason) == 0 {
		reason = []byte("the process ended before it was executed")
	}
	return nil, &StartError{Program: program.Args[0], Reason: string(reason)}
}

// StartError reports a program that could not be executed.
type StartError struct {
	Program string
	Reason  string
}

func (e *StartError) Error() string { return fmt.Sprintf("cannot start [%s]: %s", e.Program, e.Reason) }

// Prepare makes directories and writes files, as the container's root.
func (l *Launcher) Prepare(dirs []string, files []initd.File) error {
	child, report, err := l.stage(stagePrepare, spec{Dirs: dirs, Files: files}, l.null)
	if err != nil {
		return err
	}
	exit := <-child.Exited()
	switch {
	case len(report) > 0:
		return errors.New(string(report))
	case exit.Code != 0:
		return fmt.Errorf("the process that writes files ended with code %d", exit.Code)
	}
	return nil
}

// UserNamespace opens a user namespace with the container's ids, for mounts that map ids. It must
// not be called for a privileged container.
func (l *Launcher) UserNamespace() (*os.File, error) {
	input, held, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	child, err := l.start(stageHold, [5]*os.File{input, l.null, l.null, l.null, l.null})
	input.Close()
	if err != nil {
		return nil, err
	}
	return os.Open(fmt.Sprintf("/proc/%d/ns/user", child.PID))
}

// maxCheckOutput is how much of the end of a check's output is kept, in bytes.
const maxCheckOutput = 1024

// Check runs a program to its end, or until ctx ends. It returns its exit code, and the end of its
// output.
func (l *Launcher) Check(ctx context.Context, program initd.Process) (code int, output string) {
	const failed = -1
	read, write, err := os.Pipe()
	if err != nil {
		return failed, err.Error()
	}
	defer read.Close()
	child, err := l.Start(program, write)
	write.Close()
	if err != nil {
		return failed, err.Error()
	}
	end := make(chan string, 1)
	go func() { end <- lastOf(read, maxCheckOutput) }()
	var exit initd.Exit
	select {
	case exit = <-child.Exited():
	case <-ctx.Done():
		child.Kill()
		exit = <-child.Exited()
	}
	// A process that it left behind may hold its output open, even one that left its group.
	_ = read.SetReadDeadline(aMoment()) // a pipe has deadlines
	output = <-end
	if ctx.Err() != nil {
		output += "(the check did not end in time)"
	}
	return exit.Code, output
}
