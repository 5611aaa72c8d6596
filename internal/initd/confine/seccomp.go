//go:build linux

package confine

import (
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf/arch"
	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// defaultFilter compiles the profile of system calls that container engines have by default. It is
// for programs of the machine's own architecture: others (32 bits on 64) can call nothing.
func defaultFilter() (*unix.SockFprog, error) {
	profile, err := defaultProfile()
	if err != nil {
		return nil, err
	}
	program, err := compile(profile)
	if err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}, nil
}

func defaultProfile() (*specs.LinuxSeccomp, error) {
	return profiles.GetDefaultProfile(&specs.Spec{Process: &specs.Process{
		Capabilities: &specs.LinuxCapabilities{Bounding: slices.Sorted(maps.Keys(capabilities))},
	}})
}

// install filters the system calls of the thread, from the next one on.
func install(filter *unix.SockFprog) error {
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0,
		uintptr(unsafe.Pointer(filter))) //nolint:gosec // the kernel reads it
	if errno != 0 {
		return errno
	}
	return nil
}

// alternative is a rule for one system call: all conditions have to hold.
type alternative struct {
	conditions []specs.LinuxSeccompArg
	verdict    uint32
}

// byNumber sorts the rules of a profile by system call. Names that this machine does not have are
// left out, as container engines do.
func byNumber(profile *specs.LinuxSeccomp, machine *arch.Info) (map[uint32][]alternative, error) {
	calls := map[uint32][]alternative{}
	for _, rule := range profile.Syscalls {
		verdict, err := verdictFor(rule.Action, rule.ErrnoRet)
		if err != nil {
			return nil, err
		}
		for _, name := range rule.Names {
			if number, known := numberOf(name, machine); known {
				calls[uint32(number)] = append(calls[uint32(number)], alternative{rule.Args, verdict})
			}
		}
	}
	for number, all := range calls { // what holds always, holds
		for _, a := range all {
			if len(a.conditions) == 0 {
				calls[number] = []alternative{a}
				break
			}
		}
	}
	return calls, nil
}

// numberOf is the number of a system call by its name in profiles.
func numberOf(name string, machine *arch.Info) (number int, known bool) {
	if number, known = machine.SyscallNames[name]; !known && name == "newfstatat" {
		number, known = machine.SyscallNames["fstatat"] // as asm-generic/unistd.h has it, for arm64
	}
	return number, known
}

// verdictFor is what a filter returns for an action (seccomp(2)).
func verdictFor(action specs.LinuxSeccompAction, errno *uint) (uint32, error) {
	switch action { // the others are refused
	case specs.ActAllow:
		return unix.SECCOMP_RET_ALLOW, nil
	case specs.ActErrno:
		number := uint(unix.EPERM)
		if errno != nil {
			number = *errno
		}
		return unix.SECCOMP_RET_ERRNO | uint32(number)&unix.SECCOMP_RET_DATA, nil
	default:
		return 0, fmt.Errorf("the action %s is not known", action)
	}
}

// Offsets in struct seccomp_data of linux/seccomp.h, of which the architectures that nova-init is
// built for are little-endian.
const (
	numberAt       = 0
	architectureAt = 4
	argumentsAt    = 16
	argumentSize   = 8
	word           = 4
)

// x32 is the bit that marks calls of the x32 ABI, which has the architecture of x86-64
// (asm/unistd.h).
const x32 = 0x40000000

// compile turns a profile into a program. Its instructions fall through from one system call to the
// next, and all keep the number in the accumulator until it is the right one. The kernel remembers
// which calls are allowed whatever their arguments are, so most never run it.
func compile(profile *specs.LinuxSeccomp) ([]bpf.Instruction, error) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	refused, err := verdictFor(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return nil, err
	}
	calls, err := byNumber(profile, machine)
	if err != nil {
		return nil, err
	}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: architectureAt, Size: word},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(machine.ID), SkipTrue: 1},
		bpf.RetConstant{Val: refused},
		bpf.LoadAbsolute{Off: numberAt, Size: word},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32, SkipTrue: 1},
		bpf.RetConstant{Val: refused},
	}
	var allowed []uint32
	newest := uint32(0)
	for _, number := range slices.Sorted(maps.Keys(calls)) {
		newest = number
		rules := calls[number]
		if len(rules[0].conditions) == 0 && rules[0].verdict == unix.SECCOMP_RET_ALLOW {
			allowed = append(allowed, number)
			continue
		}
		block, err := blockFor(rules, refused)
		if err != nil {
			return nil, err
		}
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipTrue: 1},
			bpf.Jump{Skip: uint32(len(block))})
		program = append(program, block...)
	}
	for len(allowed) > 0 { // in ranges
		n := 1
		for n < len(allowed) && allowed[n] == allowed[0]+uint32(n) {
			n++
		}
		program = append(program,
			bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: allowed[0], SkipFalse: 2},
			bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: allowed[n-1], SkipFalse: 1},
			bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
		allowed = allowed[n:]
	}
	// The profile decides nothing about system calls that are newer than it. Programs do without those
	// that the kernel does not have.
	return append(program,
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: newest, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		bpf.RetConstant{Val: refused}), nil
}

// blockFor decides about one system call.
func blockFor(rules []alternative, refused uint32) ([]bpf.Instruction, error) {
	var block []bpf.Instruction
	for _, rule := range rules {
		part := []bpf.Instruction{bpf.RetConstant{Val: rule.verdict}}
		for _, c := range slices.Backward(rule.conditions) {
			test, err := testFor(c, uint8(len(part)))
			if err != nil {
				return nil, err
			}
			part = append(test, part...)
		}
		block = append(block, part...)
	}
	return append(block, bpf.RetConstant{Val: refused}), nil
}

// testFor skips a number of instructions if a condition does not hold. Arguments have 64 bits, and
// the machine has 32.
func testFor(c specs.LinuxSeccompArg, skip uint8) ([]bpf.Instruction, error) {
	at := argumentsAt + argumentSize*uint32(c.Index)
	low, high := bpf.LoadAbsolute{Off: at, Size: word}, bpf.LoadAbsolute{Off: at + word, Size: word}
	lowValue, highValue := uint32(c.Value), uint32(c.Value>>32)
	equal := func(v uint32, skip uint8) bpf.JumpIf {
		return bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipFalse: skip}
	}
	ordered := func(strict, last bpf.JumpTest) []bpf.Instruction {
		return []bpf.Instruction{
			high,
			bpf.JumpIf{Cond: strict, Val: highValue, SkipTrue: 3},
			equal(highValue, skip+2),
			low,
			bpf.JumpIf{Cond: last, Val: lowValue, SkipFalse: skip},
		}
	}
	switch c.Op {
	case specs.OpEqualTo:
		return []bpf.Instruction{high, equal(highValue, skip+2), low, equal(lowValue, skip)}, nil
	case specs.OpNotEqual:
		return []bpf.Instruction{
			high,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: highValue, SkipTrue: 2},
			low,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: lowValue, SkipFalse: skip},
		}, nil
	case specs.OpMaskedEqual: // Value is the mask
		return []bpf.Instruction{
			high,
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: highValue},
			equal(uint32(c.ValueTwo>>32), skip+3),
			low,
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: lowValue},
			equal(uint32(c.ValueTwo), skip),
		}, nil
	case specs.OpLessThan:
		return ordered(bpf.JumpLessThan, bpf.JumpLessThan), nil
	case specs.OpLessEqual:
		return ordered(bpf.JumpLessThan, bpf.JumpLessOrEqual), nil
	case specs.OpGreaterThan:
		return ordered(bpf.JumpGreaterThan, bpf.JumpGreaterThan), nil
	case specs.OpGreaterEqual:
		return ordered(bpf.JumpGreaterThan, bpf.JumpGreaterOrEqual), nil
	default:
		return nil, fmt.Errorf("the comparison %s is not known", c.Op)
	}
}
