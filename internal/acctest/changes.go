package acctest

import "bytes"

// remoteProgram is the number of libvirt's main program. It is REMOTE_PROGRAM in libvirt's
// src/remote/remote_protocol.x, which also has the numbers of the procedures.
const remoteProgram = 0x20008086

// qemuProgram is the number of the program for the QEMU driver alone, QEMU_PROGRAM in libvirt's
// src/remote/qemu_protocol.x. It passes commands to guest agents.
const qemuProgram = 0x20008087

const volumeUpload = 208

// changes names the procedures that change something on a host.
var changes = map[uint32]string{
	8:            "attach a device",
	9:            "start the domain",
	11:           "define the domain",
	12:           "switch the domain off",
	13:           "detach a device",
	27:           "reboot the domain",
	28:           "resume the domain",
	29:           "set autostart",
	30:           "set the maximum memory",
	31:           "set the memory",
	32:           "set the vCPUs",
	33:           "shut the domain down",
	34:           "suspend the domain",
	35:           "undefine the domain",
	55:           "save the memory of a guest",
	77:           "define the pool",
	78:           "start the pool",
	79:           "build the pool",
	90:           "set autostart of the pool",
	93:           "create a volume",
	94:           "delete a volume",
	125:          "clone a volume",
	160:          "attach a device",
	161:          "detach a device",
	164:          "give up a job",
	165:          "wipe a volume",
	174:          "change a device",
	182:          "save the domain",
	184:          "remove the saved domain",
	196:          "start the domain",
	199:          "set the vCPUs",
	204:          "set the memory",
	volumeUpload: "begin to write a volume",
	231:          "undefine the domain",
	233:          "resume a guest",
	234:          "switch the domain off",
	251:          "grow a disk",
	258:          "shut the domain down",
	260:          "grow a volume",
	264:          "set the metadata",
	295:          "signal process 1 of the container",
	305:          "move the guest",
	350:          "define the domain",
	358:          "rename the domain",
	392:          "detach a device",
}

// reads names the procedures that change nothing but that a test asks for by name.
var reads = map[uint32]string{83: "refresh a pool"}

// change names what a packet changes. ok is false if it changes nothing. A volume is written
// through a stream: a call opens it, and a packet that says so closes it.
func change(p packet) (name string, ok bool) {
	switch {
	case p.program() == qemuProgram && p.kind() == packetCall && bytes.Contains(p, []byte(`"input-data"`)):
		return "run a script in a guest", true
	case p.program() != remoteProgram:
		return "", false
	case p.kind() == packetCall:
		name, ok = changes[p.procedure()]
		return name, ok
	case p.kind() == packetStream && p.procedure() == volumeUpload && p.status() == packetOK:
		return "finish writing a volume", true
	}
	return "", false
}
