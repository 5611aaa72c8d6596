//go:build linux

// Package container is nova-init at work: from the configuration to the end of the container.
package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/initd/confine"
	"github.com/novacron/terraform-provider-novacron/internal/initd/logfile"
	"github.com/novacron/terraform-provider-novacron/internal/initd/network"
	"github.com/novacron/terraform-provider-novacron/internal/initd/process"
	"github.com/novacron/terraform-provider-novacron/internal/initd/root"
	"github.com/novacron/terraform-provider-novacron/internal/initd/supervise"
)

// Files that the host shares with nova-init; see package initd.
const (
	configFile = "/.nova/config.json"
	statusFile = "/.nova/status"
	logFile    = "/.nova/log"
)

// Exit codes of nova-init itself. Otherwise it exits with the application's.
const (
	noStatus = 120 // the files of the host are missing
	noStart  = 125 // the container cannot be started, and the status says why
)

// container is a container while it runs.
type container struct {
	configFile *os.File  // is read again when the host asks for something
	configTime time.Time // when the configuration that was read last was written
	config     initd.Config
	status     *reporter
	log        *logfile.Log
	logFile    *os.File // behind log

	reaper   *process.Reaper
	launcher *confine.Launcher
	root     *root.Root
	links    []*network.Link
}

// Run runs the container until the application ends, and returns its exit code. The process must be
// process 1 of a container. Run does not return for a system container. Patience is how long output
// waits for the disk of the log, such as logfile.Patience.
func Run(patience time.Duration) int {
	started := time.Now()
	told := listen() // before anything else: Go ends a program at a signal that it does not listen to
	c, err := open(started, patience)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nova-init:", err) // it is on the console of the container
		return noStatus
	}
	if failure := c.boot(); failure != nil {
		c.log.Printf("%s", failure.Message)
		c.log.Close()
		c.status.change(func(s *initd.Status) { s.State, s.Error = initd.StateFailed, failure })
		return noStart
	}
	if c.config.System {
		return c.becomeSystem()
	}
	defer c.log.Close()
	return c.supervise(told)
}

// signals are what process 1 is told by signals.
type signals struct {
	stop      chan os.Signal // SIGTERM
	requests  chan os.Signal // SIGHUP
	forwarded chan os.Signal // what the application gets
}

func listen() signals {
	told := signals{make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan os.Signal, 16)}
	signal.Notify(told.stop, unix.SIGTERM)
	signal.Notify(told.requests, unix.SIGHUP)
	signal.Notify(told.forwarded, unix.SIGINT, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH)
	return told
}

// open opens what the host shares, before the root changes.
func open(started time.Time, patience time.Duration) (*container, error) {
	if os.Getpid() != 1 {
		return nil, errors.New("it has to be process 1 of a container")
	}
	status, err := os.OpenFile(statusFile, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(logFile, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	size, err := logSize(log)
	if err != nil {
		return nil, err
	}
	config, err := os.Open(configFile)
	if err != nil {
		return nil, err
	}
	return &container{
		configFile: config,
		status:     newReporter(status, started),
		log:        logfile.New(log, size, patience),
		logFile:    log,
	}, nil
}

// logSize is where a log ends. A volume for one may begin as zeros.
func logSize(log *os.File) (int64, error) {
	info, err := log.Stat()
	if err != nil {
		return 0, err
	}
	first := make([]byte, 1)
	if n, _ := log.ReadAt(first, 0); n == 1 && first[0] == 0 {
		return 0, log.Truncate(0)
	}
	return info.Size(), nil
}

// boot does all that comes before the application.
func (c *container) boot() *initd.Failure {
	c.configTime = c.written()
	config, err := initd.ReadConfig(c.configFile)
	if err != nil {
		return failed(initd.FailedConfig, err)
	}
	c.config = config
	c.status.change(func(s *initd.Status) { s.Revision, s.Request = config.Revision, config.Request })
	c.reaper = process.NewReaper()
	if failure := c.enterRoot(); failure != nil {
		return failure
	}
	if config.Hostname != "" {
		if err := unix.Sethostname([]byte(config.Hostname)); err != nil {
			return failed(initd.FailedRoot, fmt.Errorf("setting the host name: %w", err))
		}
	}
	if !config.System {
		if err := c.configureNetwork(); err != nil {
			return failed(initd.FailedNetwork, err)
		}
	}
	if err := c.prepare(); err != nil {
		return failed(initd.FailedFiles, err)
	}
	return nil
}

func failed(code initd.FailureCode, err error) *initd.Failure {
	return &initd.Failure{Code: code, Message: err.Error()}
}

func (c *container) enterRoot() *initd.Failure {
	var ids *initd.IDRange
	if !c.config.Privileged {
		ids = &c.config.Users
	}
	var err error
	if c.launcher, err = confine.NewLauncher(c.reaper, ids); err != nil {
		return failed(initd.FailedRoot, err)
	}
	var users *os.File
	if ids != nil {
		if users, err = c.launcher.UserNamespace(); err != nil {
			return failed(initd.FailedRoot, fmt.Errorf("making a user namespace: %w", err))
		}
		defer users.Close()
	}
	if c.root, err = root.Assemble(c.config, users); err != nil {
		return failed(initd.FailedRoot, err)
	}
	if err := c.root.Enter(); err != nil {
		return failed(initd.FailedRoot, err)
	}
	c.grow()
	return nil
}

// grow tells of the disks that were grown, or could not be.
func (c *container) grow() {
	results := c.root.Grow()
	for _, d := range results {
		if d.Error != "" {
			c.log.Printf("the disk %q keeps its size: %s", d.Name, d.Error)
		}
	}
	c.status.change(func(s *initd.Status) {
		for _, d := range results {
			s.Disks = slices.DeleteFunc(s.Disks, func(old initd.DiskStatus) bool { return old.Name == d.Name })
			s.Disks = append(s.Disks, d)
		}
	})
}

// seedDir is where cloud-init's data source NoCloud looks for files.
const seedDir = "/var/lib/cloud/seed/nocloud"

// prepare writes files into the root.
func (c *container) prepare() error {
	files := slices.Clone(c.config.Files)
	for name, content := range c.config.Seed {
		files = append(files, initd.File{Path: filepath.Join(seedDir, name), Mode: 0o600, Content: content})
	}
	var dirs []string
	if dir := c.config.Process.Dir; dir != "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	if len(files)+len(dirs) == 0 {
		return nil
	}
	return c.launcher.Prepare(dirs, files)
}

// supervise runs the application.
func (c *container) supervise(told signals) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-told.stop
		cancel()
	}()
	go c.heed(ctx, told.requests, cancel)
	for _, l := range c.links {
		if l.DHCP() {
			go l.KeepLease(ctx, c.config.Hostname, c.leases(l))
		}
	}
	app := supervise.Application{
		Runner:  &runner{container: c},
		Restart: c.config.Restart,
		Stop:    c.config.Stop,
		Health:  c.config.Health,
		Report:  c.status.change,
		Say:     c.log.Printf,
		Flush:   c.log.Flush,
	}
	code := app.Run(ctx, numbers(told.forwarded))
	c.root.Sync()
	return code
}

// numbers passes signals on by their numbers.
func numbers(received <-chan os.Signal) <-chan int {
	passed := make(chan int)
	go func() {
		for s := range received {
			number, _ := s.(unix.Signal)
			passed <- int(number)
		}
	}()
	return passed
}

// written is when the host wrote the configuration last.
func (c *container) written() time.Time {
	info, err := c.configFile.Stat()
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// lookEvery is how often nova-init looks whether the host has written the configuration: without any
// request, because requests are signals, and not all arrive. inotify would tell at once, but the kernel
// has only 128 of these for all programs of a host's root.
const lookEvery = time.Second

// heed does what the host asks for until ctx ends. It calls stop if that is to stop the container.
func (c *container) heed(ctx context.Context, requests <-chan os.Signal, stop func()) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-requests:
			asked = true
		case <-look.C:
		}
		now := c.written()
		if !asked && now.Equal(c.configTime) {
			continue
		}
		switch err := c.answer(stop); {
		case err != nil && asked:
			c.log.Printf("reading the configuration again: %v", err)
		case err == nil && time.Since(now) > lookEvery: // before that, it may just be being written
			c.configTime = now
		}
	}
}

// answer does what the host asks for in the configuration.
func (c *container) answer(stop func()) error {
	if _, err := c.configFile.Seek(0, 0); err != nil {
		return err
	}
	config, err := initd.ReadConfig(c.configFile)
	if err != nil {
		return err
	}
	if c.status.is(config.Halt) {
		stop()
	}
	c.grow()
	c.status.change(func(s *initd.Status) { s.Request = config.Request })
	return nil
}
