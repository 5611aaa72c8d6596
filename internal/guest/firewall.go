package guest

import (
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
)

// The places where a guest keeps its firewall. They are separate from the distribution's own
// /etc/nftables.conf, which an administrator may have other reasons to change.
const (
	rulesPath = "/etc/novacron/firewall.nft"
	unitPath  = "/etc/systemd/system/novacron-firewall.service"
)

// rulesForm drops all packets to the guest except those that it lets in. It filters before
// addresses are translated: it treats a port that a container publishes like any other, by its
// number outside. It does not filter packets to other machines, which the guest only forwards. The
// first two lines make it replace itself atomically.
const rulesForm = `# Made by novacron from open_ports of the instance's customization.
table inet novacron
delete table inet novacron
table inet novacron {
  chain inbound {
    type filter hook prerouting priority -150; policy drop;
    iifname "lo" accept
    fib daddr type unicast accept
    ct state established,related accept
    meta l4proto { icmp, ipv6-icmp } accept
    udp sport 67 udp dport 68 accept
    udp sport 547 udp dport 546 accept
    tcp dport 22 accept
%s  }
}
`

// firewallUnit loads the rules before there is a network, as Debian's nftables.service does. That
// one flushes all existing rules and thus must come first.
const firewallUnit = `[Unit]
Description=Inbound ports, by open_ports of the instance's customization
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=nftables.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=nft -f ` + rulesPath + `

[Install]
WantedBy=sysinit.target
`

// firewallRules are nft's rules that let in these ports, besides SSH.
func firewallRules(ports []int64) string {
	open := ""
	if ranges := portRanges(ports); len(ranges) > 0 {
		set := strings.Join(ranges, ", ")
		open = fmt.Sprintf("    tcp dport { %s } accept\n    udp dport { %s } accept\n", set, set)
	}
	return fmt.Sprintf(rulesForm, open)
}

// portRanges writes ports as nft does: 80, 8000-8010.
func portRanges(ports []int64) []string {
	var ranges []string
	sorted := set(ports)
	for i := 0; i < len(sorted); {
		first := i
		for i++; i < len(sorted) && sorted[i] == sorted[i-1]+1; i++ {
		}
		if i-first == 1 {
			ranges = append(ranges, fmt.Sprint(sorted[first]))
			continue
		}
		ranges = append(ranges, fmt.Sprintf("%d-%d", sorted[first], sorted[i-1]))
	}
	return ranges
}

func firewallFiles(ports []int64) []writeFile {
	return []writeFile{
		File{Content: firewallRules(ports)}.written(rulesPath), File{Content: firewallUnit}.written(unitPath),
	}
}

// earlyFirewall loads the rules, if nft is in the image, before packages are installed and their
// services started. The script makes sure of it later, and reports a failure.
func earlyFirewall(ports []int64) string {
	return fmt.Sprintf("[ -e %s ] || ! command -v nft >/dev/null || printf %%s %s | nft -f -",
		rulesPath, cloudinit.ShellWord(firewallRules(ports)))
}
