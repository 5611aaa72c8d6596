package ext4

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// MaxLabel is how long a label may be, in bytes.
const MaxLabel = 16

// identity is what tells one file system from others.
type identity struct {
	label    [MaxLabel]byte
	uuid     [16]byte
	hashSeed [4]uint32 // of the hashes of names
	sums     sum       // begins all checksums
}

// newIdentity derives everything from the label and the seed.
func newIdentity(label, seed string) (identity, error) {
	if len(label) > MaxLabel {
		return identity{}, fmt.Errorf("the label %q has %d bytes, more than %d", label, len(label), MaxLabel)
	}
	if strings.ContainsRune(label, 0) {
		return identity{}, errors.New("the label has a zero byte")
	}
	id := identity{uuid: UUID(seed)}
	copy(id.label[:], label)
	names := sha256.Sum256([]byte("names of ext4\x00" + seed))
	for i := range id.hashSeed {
		id.hashSeed[i] = le.Uint32(names[4*i:])
	}
	id.sums = ^sum(0)
	id.sums = id.sums.over(id.uuid[:])
	return id, nil
}

// UUID is the UUID of a file system with that seed: one of version 8 (RFC 9562), made of a hash.
func UUID(seed string) (uuid [16]byte) {
	hash := sha256.Sum256([]byte("uuid of ext4\x00" + seed))
	copy(uuid[:], hash[:])
	uuid[6] = uuid[6]&0x0f | 0x80
	uuid[8] = uuid[8]&0x3f | 0x80
	return uuid
}
