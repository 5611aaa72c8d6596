package virterr

import (
	"errors"
	"fmt"
	"testing"

	"github.com/digitalocean/go-libvirt"
)

func TestErrorsAreTypedByCode(t *testing.T) {
	sentinels := []error{
		ErrNoDomain, ErrNoPool, ErrNoVolume, ErrNoNetwork, ErrPoolInactive, ErrExists, ErrUnreachable,
		ErrAgentUnresponsive, ErrOperationInvalid, ErrUnsupported,
	}
	for _, c := range []struct {
		code libvirt.ErrorNumber
		want error // nil: none of them
	}{
		{libvirt.ErrNoDomain, ErrNoDomain},
		{libvirt.ErrNoStoragePool, ErrNoPool},
		{libvirt.ErrNoStorageVol, ErrNoVolume},
		{libvirt.ErrNoNetwork, ErrNoNetwork},
		{libvirt.ErrStorageVolExist, ErrExists},
		{libvirt.ErrDomExist, ErrExists},
		{libvirt.ErrAgentUnresponsive, ErrAgentUnresponsive},
		{libvirt.ErrAgentCommandTimeout, ErrAgentUnresponsive},
		{libvirt.ErrOperationInvalid, ErrOperationInvalid},
		{libvirt.ErrOperationUnsupported, ErrUnsupported},
		{libvirt.ErrNoSupport, ErrUnsupported},
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
	if err := Fail("x", "y", libvirt.ErrUnsupported); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a procedure that the host does not know gives %v", err)
	}
	if Fail("x", "y", nil) != nil {
		t.Error("success became an error")
	}
}
