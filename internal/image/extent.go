package image

// Extent is a stretch of a file or disk that may hold data; what lies between extents reads as
// zeros.
type Extent struct{ Offset, Length int64 }

// End is where it ends.
func (e Extent) End() int64 { return e.Offset + e.Length }
