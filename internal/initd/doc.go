// Package initd has the formats by which a host and nova-init talk to each other. nova-init is
// process 1 of every container: libvirt starts it, and it starts the application.
//
// # How it is reached
//
// A container has no agent, so volumes and signals are all there is. libvirt mounts these into the
// root of the container:
//
//	/                    a file system that is writable, or a small one that is read-only
//	/.nova/init          this program, read-only
//	/.nova/config.json   a Config, mode 0600
//	/.nova/status        StatusSize bytes, written by nova-init; see DecodeStatus
//	/.nova/log           what the application prints
//	/.nova/lower         the image, an ext4 file system, read-only
//	/.nova/upper         a tmpfs, if Config.Upper is UpperMemory
//	/.nova/disks/NAME    each data disk, an ext4 file system
//
// The application sees nothing of these: its root is an overlay over the image, and nova-init keeps
// open the files that it still needs.
//
// nova-init stops the application at SIGTERM. It forwards SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 and
// SIGWINCH. At SIGHUP it reads the configuration again, grows the file systems of disks that the
// host has enlarged, and repeats Config.Request in Status.Request when it has done so. It does the same
// within some seconds after the configuration was written, and then also heeds Config.Halt: libvirt loses
// process 1 of some containers, and sends them no signals. A system heeds nothing of that. Everything
// else in the configuration applies when the container starts again.
//
// A log line of nova-init's own begins with "nova-init: ". All others are as the application wrote
// them, without a time stamp, so that structured logs stay readable.
//
// # How it is built
//
// Package binary embeds it in the provider, compressed, for both architectures. "make" builds it before
// the provider, without cgo. The same sources and the same Go give the same bytes, in whichever
// directory they are.
package initd
