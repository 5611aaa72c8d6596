package container

import (
	"strconv"
	"strings"
)

// signals are the numbers of signals on Linux, on the architectures that nova-init exists for
// (signal(7), the column of x86 and ARM).
var signals = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8, "KILL": 9,
	"USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CLD": 17,
	"CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26,
	"PROF": 27, "WINCH": 28, "IO": 29, "POLL": 29, "PWR": 30, "SYS": 31,
}

// Real-time signals that glibc leaves to applications: the two before them are its own.
const (
	realTimeMin = 34
	realTimeMax = 64
)

// Signal returns the number of a signal on Linux, 1 to 64, by its number or its name in any case,
// with or without SIG: "SIGTERM", "quit", "9", "SIGRTMIN+3".
func Signal(name string) (number int, known bool) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, n >= 1 && n <= realTimeMax && strconv.Itoa(n) == name
	}
	name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if n, ok := signals[name]; ok {
		return n, true
	}
	number = realTimeMin
	offset, ok := strings.CutPrefix(name, "RTMIN")
	if !ok {
		number = realTimeMax
		if offset, ok = strings.CutPrefix(name, "RTMAX"); !ok {
			return 0, false
		}
	}
	if offset != "" {
		n, err := strconv.Atoi(offset)
		if err != nil || offset[0] >= '0' && offset[0] <= '9' {
			return 0, false
		}
		number += n
	}
	return number, number >= realTimeMin && number <= realTimeMax
}
