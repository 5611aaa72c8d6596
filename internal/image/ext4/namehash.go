package ext4

import "cmp"

// hashTEA is the number of the hash that hash trees use here: one made of the Tiny Encryption
// Algorithm (D. Wheeler, R. Needham, 1994), with the name as the key.
const hashTEA = 2

// nameHash is where a name is in a hash tree. The lowest bit of major is not part of it.
type nameHash struct{ major, minor uint32 }

func (h nameHash) compare(other nameHash) int {
	return cmp.Or(cmp.Compare(h.major, other.major), cmp.Compare(h.minor, other.minor))
}

const (
	teaDelta  = 0x9e3779b9
	teaRounds = 16
	hashEnd   = 0xfffffffe // stands for the end of a directory, and is no name's
)

// hashOf returns the hash of a name. A seed of zeros stands for the initial state of MD4.
func hashOf(name string, seed [4]uint32) nameHash {
	state := [2]uint32{0x67452301, 0xefcdab89}
	if seed != ([4]uint32{}) {
		state = [2]uint32{seed[0], seed[1]}
	}
	for rest := name; len(rest) > 0; rest = rest[min(16, len(rest)):] {
		key := keyOf(rest)
		a, b, total := state[0], state[1], uint32(0)
		for range teaRounds {
			total += teaDelta
			a += (b<<4 + key[0]) ^ (b + total) ^ (b>>5 + key[1])
			b += (a<<4 + key[2]) ^ (a + total) ^ (a>>5 + key[3])
		}
		state[0] += a
		state[1] += b
	}
	h := nameHash{major: state[0] &^ 1, minor: state[1]}
	if h.major == hashEnd {
		h.major -= 2
	}
	return h
}

// keyOf makes a key of the first 16 bytes of a name: each four of them are one number, with the
// first byte highest. The name's length, in all four bytes, stands in for what is missing.
func keyOf(name string) (key [4]uint32) {
	pad := uint32(uint8(len(name))) * 0x01010101
	for i := range key {
		key[i] = pad
		for j := 4 * i; j < min(len(name), 4*i+4); j++ {
			key[i] = key[i]<<8 | uint32(name[j])
		}
	}
	return key
}
