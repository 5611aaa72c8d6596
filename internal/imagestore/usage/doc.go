// Package usage finds what uses the images of a pool: instances, by the metadata of their domains, and volumes that stand on an
// image, whoever made them. What belongs to other tenants it counts, and does not name.
package usage
