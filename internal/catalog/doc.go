// Package catalog is the domain of novacron: templates, their versions, hardware, network and storage profiles,
// parameters, version constraints, and the Store that keeps them. It is pure Go: no input or output, no Terraform,
// no libvirt. Sizes are MiB and GiB, although the names that users write say mb and gb.
package catalog
