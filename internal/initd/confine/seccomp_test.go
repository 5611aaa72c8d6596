//go:build linux

package confine

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
)

// verdict runs the filter on a system call.
func verdict(t *testing.T, program []bpf.Instruction, call string, args ...uint64) uint32 {
	t.Helper()
	machine := must.Get[*arch.Info](t)(arch.GetInfo(""))
	number, known := machine.SyscallNames[call]
	if !known {
		t.Fatalf("this machine has no %s", call)
	}
	return verdictOf(t, program, uint32(machine.ID), uint32(number), args...)
}

// verdictOf passes numbers as big-endian, because the machine of package bpf reads them from the
// network.
func verdictOf(t *testing.T, program []bpf.Instruction, id, number uint32, args ...uint64) uint32 {
	t.Helper()
	words := []uint32{number, id, 0, 0}
	for i := range 6 {
		var value uint64
		if i < len(args) {
			value = args[i]
		}
		words = append(words, uint32(value), uint32(value>>32))
	}
	var data []byte
	for _, w := range words {
		data = binary.BigEndian.AppendUint32(data, w)
	}
	vm := must.Get[*bpf.VM](t)(bpf.NewVM(program))
	return uint32(must.Get[int](t)(vm.Run(data)))
}

const (
	allow = unix.SECCOMP_RET_ALLOW
	perm  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	nosys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

func TestSystemCalls(t *testing.T) {
	loaded := must.Get[*unix.SockFprog](t)(defaultFilter())
	var filter []bpf.Instruction
	for _, f := range unsafe.Slice(loaded.Filter, loaded.Len) {
		filter = append(filter, bpf.RawInstruction{Op: f.Code, Jt: f.Jt, Jf: f.Jf, K: f.K}.Disassemble())
	}
	for _, c := range []struct {
		name string
		args []uint64
		want uint32
	}{
		{"read", nil, allow}, {"execve", nil, allow}, {"openat2", nil, allow}, {"chroot", nil, allow},
		{"exit_group", nil, allow}, {"rt_sigreturn", nil, allow}, {"futex", nil, allow}, {"setgroups", nil, allow},
		{"mount", nil, perm}, {"umount2", nil, perm}, {"unshare", nil, perm}, {"setns", nil, perm}, {"bpf", nil, perm},
		{"keyctl", nil, perm}, {"add_key", nil, perm}, {"init_module", nil, perm}, {"kexec_load", nil, perm},
		{"open_by_handle_at", nil, perm}, {"pivot_root", nil, perm}, {"reboot", nil, perm},
		{"io_uring_setup", nil, perm},
		{"userfaultfd", nil, perm}, {"perf_event_open", nil, perm}, {"fsopen", nil, perm}, {"move_mount", nil, perm},
		{"clone", []uint64{uint64(unix.SIGCHLD)}, allow},
		{"clone", []uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allow},
		{"clone", []uint64{unix.CLONE_NEWUSER}, perm},
		{"clone", []uint64{unix.CLONE_NEWNS | uint64(unix.SIGCHLD)}, perm},
		{"clone3", nil, nosys},
		{"socket", []uint64{unix.AF_UNIX}, allow}, {"socket", []uint64{unix.AF_INET}, allow},
		{"socket", []uint64{unix.AF_INET6}, allow}, {"socket", []uint64{unix.AF_NETLINK}, allow},
		{"socket", []uint64{unix.AF_UNIX | 1<<32}, perm}, {"socket", []uint64{unix.AF_VSOCK}, perm},
		{"socket", []uint64{unix.AF_ALG}, perm},
		{"personality", []uint64{0}, allow}, {"personality", []uint64{8}, allow},
		{"personality", []uint64{0x0400000}, perm},
	} {
		if got := verdict(t, filter, c.name, c.args...); got != c.want {
			t.Errorf("%s %#x: %#x, want %#x", c.name, c.args, got, c.want)
		}
	}
	machine := must.Get[*arch.Info](t)(arch.GetInfo(""))
	for number, want := range map[uint32]uint32{
		424: allow, // pidfd_send_signal
		425: perm,  // io_uring_setup
		500: nosys, // newer than all that the profile names
		x32: perm, x32 + 500: perm,
	} {
		if got := verdictOf(t, filter, uint32(machine.ID), number); got != want {
			t.Errorf("the system call %d: %#x, want %#x", number, got, want)
		}
	}
	const i386 = 0x40000003 // AUDIT_ARCH_I386 of linux/audit.h
	if got := verdictOf(t, filter, i386, 3); got != perm {
		t.Errorf("a system call of 32 bits: %#x", got)
	}
}

// What stat(3) calls is named in two ways, and programs of each architecture need it.
func TestEveryArchitectureHasFiles(t *testing.T) {
	profile := must.Get[*specs.LinuxSeccomp](t)(defaultProfile())
	for name, number := range map[string]uint32{"x86_64": 262, "aarch64": 79} {
		machine := must.Get[*arch.Info](t)(arch.GetInfo(name))
		calls := must.Get[map[uint32][]alternative](t)(byNumber(profile, machine))
		if rules := calls[number]; len(rules) != 1 || rules[0].verdict != allow {
			t.Errorf("%s: newfstatat: %+v", name, rules)
		}
	}
}

// Each comparison is tried with both halves of an argument, and together with another condition.
func TestConditions(t *testing.T) {
	const v = 5<<32 | 7
	values := []uint64{0, 6, 7, 8, 4<<32 | 8, 5 << 32, 5<<32 | 6, v, 5<<32 | 8, 6 << 32, 6<<32 | 7}
	for op, holds := range map[specs.LinuxSeccompOperator]func(a uint64) bool{
		specs.OpEqualTo:      func(a uint64) bool { return a == v },
		specs.OpNotEqual:     func(a uint64) bool { return a != v },
		specs.OpLessThan:     func(a uint64) bool { return a < v },
		specs.OpLessEqual:    func(a uint64) bool { return a <= v },
		specs.OpGreaterThan:  func(a uint64) bool { return a > v },
		specs.OpGreaterEqual: func(a uint64) bool { return a >= v },
		specs.OpMaskedEqual:  func(a uint64) bool { return a&v == 4<<32|6 },
	} {
		program := must.Get[[]bpf.Instruction](t)(compile(&specs.LinuxSeccomp{
			DefaultAction: specs.ActErrno,
			Syscalls: []specs.LinuxSyscall{
				{Names: []string{"read", "nosuchcall"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{
					{Index: 2, Value: v, ValueTwo: 4<<32 | 6, Op: op}, {Index: 3, Value: 1, Op: specs.OpEqualTo},
				}},
				{Names: []string{"read"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{
					{Index: 5, Value: 9, Op: specs.OpEqualTo},
				}},
				{Names: []string{"write", "exit_group"}, Action: specs.ActAllow},
			},
		}))
		for _, a := range values {
			for _, second := range []uint64{0, 1} {
				want := perm
				if holds(a) && second == 1 {
					want = allow
				}
				if got := verdict(t, program, "read", 0, 0, a, second); got != want {
					t.Errorf("%#x %s %#x and %d: %#x, want %#x", a, op, uint64(v), second, got, want)
				}
				if got := verdict(t, program, "read", 0, 0, a, second, 0, 9); got != allow {
					t.Errorf("%#x: the other rule does not hold: %#x", a, got)
				}
			}
			if verdict(t, program, "write", a) != allow || verdict(t, program, "close", a) != perm {
				t.Errorf("rules of one call apply to others")
			}
		}
	}
	for _, wrong := range []specs.LinuxSeccomp{
		{DefaultAction: specs.ActTrap},
		{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Names: []string{"read"},
			Action: specs.ActNotify}}},
		{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{{Op: "SCMP_CMP_OTHER"}}}}},
	} {
		if _, err := compile(&wrong); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}
