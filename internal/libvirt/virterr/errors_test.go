package virterr

import (
	"errors"
	"fmt"
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func TestErrorsAreTypedByCode(t *testing.T) {
	sentinels := []error{
		host.ErrNoDomain, host.ErrNoPool, host.ErrNoVolume, host.ErrNoNetwork, host.ErrPoolInactive, host.ErrExists,
		host.ErrUnreachable,
		host.ErrAgentUnresponsive, host.ErrOperationInvalid, host.ErrUnsupported,
	}
	for _, c := range []struct {
		code libvirt.ErrorNumber
		want error // nil: none of them
	}{
		{libvirt.ErrNoDomain, host.ErrNoDomain},
		{libvirt.ErrNoStoragePool, host.ErrNoPool},
		{libvirt.ErrNoStorageVol, host.ErrNoVolume},
		{libvirt.ErrNoNetwork, host.ErrNoNetwork},
		{libvirt.ErrStorageVolExist, host.ErrExists},
		{libvirt.ErrDomExist, host.ErrExists},
		{libvirt.ErrAgentUnresponsive, host.ErrAgentUnresponsive},
		{libvirt.ErrAgentCommandTimeout, host.ErrAgentUnresponsive},
		{libvirt.ErrOperationInvalid, host.ErrOperationInvalid},
		{libvirt.ErrOperationUnsupported, host.ErrUnsupported},
		{libvirt.ErrNoSupport, host.ErrUnsupported},
		{libvirt.ErrInternalError, nil},
		{libvirt.ErrSystemError, nil},
		{libvirt.ErrOperationFailed, nil},
		{libvirt.ErrAgentCommandFailed, nil},
	} {
		reply := libvirt.Error{Code: uint32(c.code), Message: "libvirt's words"}
		err := Fail("creating", `volume "x" in pool "y"`, fmt.Errorf("wrapped: %w", reply))
		for _, s := range sentinels {
			if got, want := errors.Is(err, s), s == c.want; got != want { //nolint:errorlint // identity is meant
				t.Errorf("code %d is %q: %t, want %t", c.code, s, got, want)
			}
		}
		if !HasCode(err, c.code) || !IsAnswer(err) {
			t.Errorf("code %d is lost on the way", c.code)
		}
		if want := `creating volume "x" in pool "y": wrapped: libvirt's words`; err.Error() != want {
			t.Errorf("it reads %q, want %q", err, want)
		}
	}
	if err := Fail("x", "y", libvirt.ErrUnsupported); !errors.Is(err, host.ErrUnsupported) {
		t.Errorf("a procedure that the host does not know gives %v", err)
	}
	if Fail("x", "y", nil) != nil {
		t.Error("success became an error")
	}
}
