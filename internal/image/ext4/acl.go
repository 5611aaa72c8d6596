package ext4

import (
	"errors"
	"fmt"
)

// Access control lists have one form between the kernel and programs, which is also that of
// archives, and a shorter one in the file system (https://docs.kernel.org/filesystems/ext4/, "POSIX
// ACLs").
const (
	aclVersion       = 2
	aclStoredVersion = 1
	aclHeader        = 4
	aclEntry         = 8 // kind, permissions, identifier
	aclUser          = 0x02
	aclGroup         = 0x08
)

// storedACL returns the list in the form of the file system: only entries of named users and groups
// have an identifier.
func storedACL(list []byte) ([]byte, error) {
	if len(list) < aclHeader || (len(list)-aclHeader)%aclEntry != 0 {
		return nil, errors.New("it is not an access control list")
	}
	if version := le.Uint32(list); version != aclVersion {
		return nil, fmt.Errorf("it is an access control list of version %d, not %d", version, aclVersion)
	}
	stored := le.AppendUint32(nil, aclStoredVersion)
	for rest := list[aclHeader:]; len(rest) > 0; rest = rest[aclEntry:] {
		stored = append(stored, rest[:4]...)
		if kind := le.Uint16(rest); kind == aclUser || kind == aclGroup {
			stored = append(stored, rest[4:aclEntry]...)
		}
	}
	return stored, nil
}
