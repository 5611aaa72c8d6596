// Package profile has the hardware, network and storage profiles of templates, versions and
// instances: how one is laid over another, how one is validated, and what it becomes with its
// defaults: a Machine, NICs and Drives.
package profile
