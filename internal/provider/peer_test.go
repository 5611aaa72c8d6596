package provider

import "testing"

func TestPeersAreOtherHosts(t *testing.T) {
	for uri, valid := range map[string]bool{
		"qemu+tls://kvm1.internal/system": true, "qemu://kvm1/system": true,
		"qemu+ssh://root@10.0.0.1/system?keyfile=/k": true,
		"qemu:///system": false, "qemu+unix:///system?socket=/s": false, "kvm1": false, "tcp://10.0.0.1": false,
	} {
		if got := peerURI.MatchString(uri); got != valid {
			t.Errorf("uri %q is valid: %t", uri, got)
		}
	}
	for data, valid := range map[string]bool{
		"tcp://10.0.0.1": true, "tcp://kvm1.internal": true, "tcp://10.0.0.1:49152": true, "tcp://[fd00::1]": true,
		"10.0.0.1": false, "tcp://": false, "tcp://fd00::1": false, "tls://10.0.0.1": false, "tcp://10.0.0.1/": false,
	} {
		if got := peerData.MatchString(data); got != valid {
			t.Errorf("data %q is valid: %t", data, got)
		}
	}
}
