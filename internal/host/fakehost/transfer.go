package fakehost

import (
	"bytes"
	"context"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// transfer is a connection for bulk data.
type transfer struct{ h *state }

// OpenTransfer is host.Volumes.OpenTransfer.
func (h volumeRequests) OpenTransfer(ctx context.Context) (host.Transfer, error) {
	if err := h.do(ctx, "OpenTransfer", "", func() error { return nil }); err != nil {
		return nil, err
	}
	return transfer{h.state}, nil
}

// Close is host.Transfer.Close.
func (t transfer) Close() {}

// Upload is host.Transfer.Upload.
func (t transfer) Upload(ctx context.Context, pool, name string, r io.Reader, offset, length int64) error {
	var data bytes.Buffer
	n, err := io.CopyN(&data, r, length)
	if n < length && err == io.EOF { //nolint:errorlint // as io.CopyN says
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	return t.write(ctx, pool, name, data.Bytes(), offset)
}

// UploadAll is host.Transfer.UploadAll.
func (t transfer) UploadAll(ctx context.Context, pool, name string, r io.Reader, offset, length int64) error {
	data, err := io.ReadAll(io.LimitReader(r, length))
	if err != nil {
		return err
	}
	return t.write(ctx, pool, name, data, offset)
}

func (t transfer) write(ctx context.Context, pool, name string, data []byte, offset int64) error {
	return t.h.onVolume(ctx, "Upload", pool, name, func(v *volume) error {
		v.write(data, offset)
		return nil
	})
}

// Download is host.Transfer.Download.
func (t transfer) Download(ctx context.Context, pool, name string, w io.Writer, offset, length int64) error {
	var all snapshot
	err := t.h.onVolume(ctx, "Download", pool, name, func(v *volume) error {
		all = v.snapshot()
		return nil
	})
	if err != nil {
		return err
	}
	if length == 0 {
		length = all.size
	}
	_, err = io.Copy(w, io.NewSectionReader(all, offset, min(length, max(0, all.size-offset))))
	return err
}
