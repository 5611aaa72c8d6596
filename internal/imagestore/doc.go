// Package imagestore keeps the images of one pool of a host. It stores each image once, however many versions share it, and
// stores of an image that was compared with another one what differs. It knows of a catalog only which versions use an image.
//
// An image is held for a version (Hold), which may wait for another process that sends it; it is released (Release) with its last
// version, unless instances stand on it; and what processes that died have left is removed (Forsake, Collect).
package imagestore
