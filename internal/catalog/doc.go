// Package catalog is the domain of novacron: templates, their versions, who may use them, version
// constraints, requests, the placements of instances on hosts and the quotas that these count
// against, and the Store that keeps them. Its subpackages profile, parameter and cloudinit have the
// parts of a template; its subpackage metadata has what a host keeps of an instance. They are pure
// Go: no input or output, no Terraform, no libvirt. Sizes are MiB and GiB, although the names that
// users write say mb and gb.
package catalog
