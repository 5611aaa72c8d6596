package transfer

import (
	"regexp"
	"strings"
)

// uuidForm is a UUID as libvirt writes it (RFC 9562).
var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// PoolVolume gives the names of the pool and of the volume in it that Volume has.
func (s Source) PoolVolume() (pool, volume string) {
	pool, volume, _ = strings.Cut(s.Volume, "/")
	return pool, volume
}

func (s Source) validateVolume() error {
	if pool, volume := s.PoolVolume(); pool == "" || volume == "" || strings.Contains(volume, "/") {
		return s.invalid("volume", "it does not name a pool and a volume in it", "Write it as POOL/VOLUME.")
	}
	return nil
}

func (s Source) validateInstance() error {
	switch {
	case !uuidForm.MatchString(s.Instance):
		return s.invalid("instance_id", "it is not a UUID", "Take it from novacron_instance.NAME.id.")
	case s.Checksum != "":
		return s.invalid("checksum", "a checksum describes a file, and that of an instance's disk cannot be known "+
			"beforehand", "Leave it out.")
	}
	return nil
}

// Fail blames the source for err. Doing is what was attempted: "copying".
func (s Source) Fail(doing string, err error, advice string) error {
	return s.origin().Failed(doing, err, advice)
}
