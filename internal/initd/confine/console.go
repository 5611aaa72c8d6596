//go:build linux

package confine

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd/logfile"
)

// Console makes a terminal for a system container, and starts a process that copies what is written
// to it to the log. The system must not wait for somebody who reads its console. Console returns the
// end of the terminal that is the console, and the path of the same.
func (l *Launcher) Console(log *os.File) (console *os.File, path string, err error) {
	master, err := os.OpenFile("/dev/pts/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, "", err
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, "", os.NewSyscallError("ioctl", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, "", os.NewSyscallError("ioctl", err)
	}
	path = fmt.Sprintf("/dev/pts/%d", number)
	if console, err = os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, "", err
	}
	// The process keeps the console open as well, or it could not read the terminal before the system
	// opens it.
	if _, err := l.start(stageConsole, [5]*os.File{master, l.null, l.null, log, console}); err != nil {
		console.Close()
		return nil, "", err
	}
	return console, path, nil
}

// relay copies a terminal to the log, without the carriage returns that terminals put before the ends
// of lines. It returns the exit code of the process.
func relay(terminal, file *os.File) int {
	info, err := file.Stat()
	if err != nil {
		return 1
	}
	log := logfile.New(file, info.Size(), logfile.Patience)
	defer log.Close()
	part := make([]byte, 1<<16)
	returned := false // the part before ended with a carriage return, which is not written yet
	for {
		n, err := terminal.Read(part)
		text := part[:n]
		if returned {
			text = append([]byte{'\r'}, text...)
		}
		text, returned = bytes.CutSuffix(text, []byte{'\r'})
		_, _ = log.Write(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))) // it never fails
		if err != nil {
			return 0
		}
	}
}
