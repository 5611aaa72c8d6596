package resume

import (
	"os"
	"strings"
	"testing"
)

func TestListenersAreFound(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	line := func(address, state string) string {
		return "   0: " + address + " 00000000:0000 " + state +
			" 00000000:00000000 00:00000000 00000000   0        0 77 1 0 100\n"
	}
	for name, c := range map[string]struct{ table, lines, want string }{
		"nothing":             {"tcp", "", ""},
		"loopback":            {"tcp", line("0100007F:0016", "0A") + line("3500007F:0035", "0A"), ""},
		"IPv6 loopback":       {"tcp6", line("00000000000000000000000001000000:0016", "0A"), ""},
		"mapped loopback":     {"tcp6", line("0000000000000000FFFF00000100007F:0016", "0A"), ""},
		"a connection":        {"tcp", line("0202A8C0:0016", "01"), ""},
		"resolved":            {"udp", line("00000000:14EB", "07"), ""},
		"resolved's port":     {"udp6", line("00000000:14EB", "07"), "port 5355 (udp6, other"},
		"any address":         {"tcp", line("00000000:0016", "0A"), "port 22 (tcp, "},
		"an address":          {"tcp", line("0202A8C0:1F90", "0A"), "port 8080 (tcp, "},
		"an address like 127": {"tcp", line("7F00000A:0050", "0A"), "port 80 (tcp, "},
		"any IPv6 address":    {"tcp6", line("00000000000000000000000000000000:0016", "0A"), "port 22 (tcp6, "},
		"UDP":                 {"udp", line("00000000:0044", "07"), "port 68 (udp, "},
		"UDP of IPv6":         {"udp6", line("00000000000000000000000000000000:0222", "07"), "port 546 (udp6, "},
	} {
		r := newFakeRoot(t)
		for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
			r.write("/proc/net/"+table, head)
		}
		r.write("/proc/net/"+c.table, head+c.lines)
		owner := "other"
		if name == "resolved" {
			owner = "systemd-resolve"
		}
		r.write("/proc/7/comm", owner+"\n")
		r.write("/proc/7/fd/x", "")
		r.write("/proc/8/fd/x", "")
		r.link("socket:[77]", "/proc/7/fd/3")
		_, errs, err := r.run(Silent())
		refused := c.want != ""
		if (err != nil) != refused || (errs != "") != refused || !strings.Contains(errs, c.want) {
			t.Errorf("%s: it ended with %v and %q, want %q", name, err, errs, c.want)
		}
	}
}

func TestCardsAreTakenFromTheirDriversAndGivenBack(t *testing.T) {
	r := newFakeRoot(t)
	card := func(name, index, slot, driver, below string) {
		device := "/sys/devices/pci0000:00/" + slot
		r.write(device+below+"/net/"+name+"/ifindex", index+"\n")
		r.write("/sys/class/net/"+name+"/ifindex", index+"\n")
		r.link(device+below, "/sys/class/net/"+name+"/device")
		r.write("/sys/bus/pci/drivers/"+driver+"/unbind", "")
		r.write("/sys/bus/pci/drivers/"+driver+"/bind", "")
		r.write("/sys/bus/pci/drivers/"+driver+"/"+slot, "")
		r.link(device, "/sys/bus/pci/devices/"+slot)
		r.link("/sys/bus/pci/drivers/"+driver, device+"/driver")
	}
	card("eth0", "12", "0000:00:09.0", "virtio-pci", "/virtio3")
	card("eth1", "3", "0000:01:02.0", "e1000", "")
	r.write("/sys/class/net/lo/ifindex", "1\n")
	r.write("/bin/ip", "#!/bin/sh\n")
	if _, errs, err := r.run(commonScript + sealScript + "\nunplug\n"); err != nil || errs != "" {
		t.Fatalf("%v, %q", err, errs)
	}
	if got, want := r.read("/run/novacron/cards"), "3 0000:01:02.0 e1000\n12 0000:00:09.0 virtio-pci\n"; got != want {
		t.Errorf("the cards are %q, want %q", got, want)
	}
	for driver, slot := range map[string]string{"virtio-pci": "0000:00:09.0", "e1000": "0000:01:02.0"} {
		if got := r.read("/sys/bus/pci/drivers/" + driver + "/unbind"); got != slot+"\n" {
			t.Errorf("from %s, %q was taken", driver, got)
		}
		if err := os.Remove(r.path("/sys/bus/pci/drivers/" + driver + "/" + slot)); err != nil {
			t.Fatal(err)
		}
	}
	if _, errs, err := r.run(commonScript + personaliseScript + "\nplug\n"); err != nil || errs != "" {
		t.Fatalf("%v, %q", err, errs)
	}
	for driver, slot := range map[string]string{"virtio-pci": "0000:00:09.0", "e1000": "0000:01:02.0"} {
		if got := r.read("/sys/bus/pci/drivers/" + driver + "/bind"); got != slot+"\n" {
			t.Errorf("to %s, %q was given", driver, got)
		}
	}
}
