package lease

import (
	"slices"
	"sync"
)

// Unconfirmed lists, by their keys, the objects that name their maker because Terraform may not have
// received the response about them yet. The maker is this process, or another one that died and
// whose object this process has changed since. A process confirms the objects when Terraform shuts
// it down, because by then Terraform has received every response. The zero value is an empty list;
// several goroutines may use it at once.
type Unconfirmed[K comparable] struct {
	mu   sync.Mutex
	keys []K
}

// Add lists an object, unless it is listed already.
func (u *Unconfirmed[K]) Add(key K) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Contains(u.keys, key) {
		u.keys = append(u.keys, key)
	}
}

// Take empties the list, and returns the keys in the order in which they were added.
func (u *Unconfirmed[K]) Take() []K {
	u.mu.Lock()
	defer u.mu.Unlock()
	keys := u.keys
	u.keys = nil
	return keys
}

// Confirm clears the maker of an object that Terraform has received, and reports whether that was
// this process. If it was another, that process has created the object again, and the maker stays.
//
// It is for templates and versions, whose documents name a process that takes them over. Instances
// keep the name of a process that died, and provision clears that name too.
func Confirm(maker *string) bool {
	if *maker != This() {
		return false
	}
	*maker = ""
	return true
}
