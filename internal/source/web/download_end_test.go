package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// answers is a server whose answers are written byte by byte: to each request the next one, and the
// last one from then on. A connection ends with its answer.
func answers(t *testing.T, all ...string) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	url = serve(t, func(w http.ResponseWriter, r *http.Request) {
		answer := all[min(len(*asked), len(all)-1)]
		*asked = append(*asked, r.Header.Get("Range"))
		conn, out, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = out.WriteString(answer)
		_ = out.Flush()
	})
	return url, asked
}

// answer is a status line, headers and a body.
func answer(status string, body []byte, headers ...string) string {
	head := append([]string{"HTTP/1.1 " + status, `ETag: "one"`, "Connection: close"}, headers...)
	return strings.Join(head, "\r\n") + "\r\n\r\n" + string(body)
}

// chunks is data in chunks, with the last one that says that it was all, or without.
func chunks(data []byte, end bool) []byte {
	var out bytes.Buffer
	for part := range slices.Chunk(data, 100_000) {
		fmt.Fprintf(&out, "%x\r\n%s\r\n", len(part), part)
	}
	if end {
		out.WriteString("0\r\n\r\n")
	}
	return out.Bytes()
}

const (
	chunked = "Transfer-Encoding: chunked"
	ok      = "200 OK"
	partial = "206 Partial Content"
	noMore  = "416 Range Not Satisfiable"
)

func ranged(first, last int, total string) string {
	return fmt.Sprintf("Content-Range: bytes %d-%d/%s\r\nContent-Length: %d", first, last-1, total, last-first)
}

// A file whose length was not told is whole when the server has said so, be that in the last of
// several answers.
func TestADownloadOfUnknownLengthIsWholeOrAnError(t *testing.T) {
	const cut, more = 1 << 20, 3 << 20
	all := fmt.Sprint(len(long))
	begun := answer(ok, chunks(long[:cut], false), chunked)
	for name, c := range map[string]struct {
		answers []string
		want    error // nil for the whole file
		says    string
	}{
		"in chunks": {[]string{answer(ok, chunks(long, true), chunked)}, nil, ""},
		"cut, then a range that is all the rest": {[]string{begun,
			answer(partial, long[cut:], ranged(cut, len(long), all))}, nil, ""},
		"cut, then short ranges": {[]string{begun,
			answer(partial, long[cut:more], ranged(cut, more, all)),
			answer(partial, long[more:], ranged(more, len(long), all))}, nil, ""},
		"cut, then a short range and no more": {[]string{begun,
			answer(partial, long[cut:more], ranged(cut, more, all)),
			answer("503 Busy", nil)}, nil, "503 Busy"},
		"cut, then short ranges of nobody knows what": {[]string{begun,
			answer(partial, long[cut:more], ranged(cut, more, "*")),
			answer(partial, long[more:], ranged(more, len(long), "*")),
			answer(noMore, nil, "Content-Range: bytes */"+all)}, nil, ""},
		"cut, then a range of nobody knows what, and silence": {[]string{begun,
			answer(partial, long[cut:more], ranged(cut, more, "*")),
			answer("503 Busy", nil)}, nil, "503 Busy"},
		"cut, then a range in chunks": {[]string{begun,
			answer(partial, chunks(long[cut:], true), chunked, fmt.Sprintf("Content-Range: bytes %d-%d/%s",
				cut, len(long)-1, all))}, nil, ""},
		"cut, then a range that ends with its connection, too soon": {[]string{begun,
			answer(partial, long[cut:more], fmt.Sprintf("Content-Range: bytes %d-%d/%s", cut, len(long)-1, all)),
			answer(partial, long[more:], ranged(more, len(long), all))}, nil, ""},
		"cut, then a range with more behind it": {[]string{begun,
			answer(partial, append(bytes.Clone(long[cut:more]), "something else"...),
				fmt.Sprintf("Content-Range: bytes %d-%d/%s", cut, more-1, all)),
			answer(partial, long[more:], ranged(more, len(long), all))}, nil, ""},
		"cut behind the last byte": {[]string{answer(ok, chunks(long, false), chunked),
			answer(noMore, nil, "Content-Range: bytes */"+all)}, nil, ""},
		"cut, then all of it, with its length": {[]string{begun,
			answer(ok, long, "Content-Length: "+all)}, nil, ""},
		"cut, then all of it, with its length, cut as well": {[]string{begun,
			answer(ok, long[:more], "Content-Length: "+all),
			answer(partial, long[more:], ranged(more, len(long), all))}, nil, ""},
		"cut, then all of it, shorter": {[]string{begun,
			answer(ok, long[:cut/2], fmt.Sprint("Content-Length: ", cut/2))}, errOther, ""},
		"cut, then all of it, as long as the connection": {
			[]string{begun, answer(ok, long[:more])}, errUntold, "Set a checksum",
		},
		"cut, then less than there was": {
			[]string{begun, answer(noMore, nil, "Content-Range: bytes */1000")}, errOther, "",
		},
		"cut, then nothing that follows, unsaid": {[]string{begun, answer(noMore, nil)}, errUntold, "Set a checksum"},
		"a length, then another one": {[]string{answer(ok, long[:cut], "Content-Length: "+all),
			answer(partial, long[cut:more], ranged(cut, more, fmt.Sprint(more)))}, errOther, ""},
		"no range at all": {[]string{begun,
			answer(partial, long[cut:more], "Content-Range: bytes 1048576-1000/4194304"),
			answer(ok, chunks(long, true), chunked)}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := answers(t, c.answers...)
			im, err := open(t.Context(), Source{URL: url}, impatient)
			if err != nil {
				t.Fatal(err)
			}
			defer im.Close()
			var sink imagetest.Sink
			_, err = im.Send(t.Context(), &sink)
			switch {
			case c.want == nil && c.says == "" && (err != nil || !bytes.Equal(sink.Data, long)):
				t.Errorf("got %d bytes of %d, %v, after requests for %q", len(sink.Data), len(long), err, *asked)
			case c.want != nil && !errors.Is(err, c.want), c.says != "" &&
				(err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("the error is %v, want %v that says %q, after requests for %q", err, c.want, c.says, *asked)
			case err != nil:
				imagetest.WantBlamed(t, err, "url")
			}
		})
	}
}

// stored sends a source as an image store does it, which makes sure of a qcow2 image once it is
// stored.
func stored(ctx context.Context, s Source) ([]byte, error) {
	im, err := open(ctx, s, impatient)
	if err != nil {
		return nil, err
	}
	defer im.Close()
	var sink imagetest.Sink
	_, err = im.Send(ctx, &sink)
	if err == nil {
		err = im.CheckStored(ctx, bytes.NewReader(sink.Data))
	}
	return sink.Data, err
}

// Where nothing but the end of the connection says that a file has ended, what is in it has to show
// that it was all.
func TestWhatEndsWithItsConnectionHasToShowThatItIsWhole(t *testing.T) {
	disk := imagetest.Holed()[:6<<20]
	twice := func(tool string) []byte {
		return append(imagetest.Packed(t, tool, disk[:2<<20]), imagetest.Packed(t, tool, disk[2<<20:])...)
	}
	for name, c := range map[string]struct {
		file  []byte
		shows bool
	}{
		"raw":                    {disk, false},
		"gzip":                   {imagetest.Packed(t, "gzip", disk), true},
		"xz":                     {imagetest.Packed(t, "xz", disk), true},
		"bzip2":                  {imagetest.Packed(t, "bzip2", disk), true},
		"zstd":                   {imagetest.Packed(t, "zstd", disk), true},
		"zstd with a checksum":   {imagetest.Packed(t, "zstd", disk, "--check"), true},
		"gzip twice":             {twice("gzip"), false},
		"xz twice":               {twice("xz"), false},
		"bzip2 twice":            {twice("bzip2"), false},
		"zstd twice":             {twice("zstd"), false},
		"qcow2":                  {imagetest.Converted(t, disk), true},
		"qcow2, compressed":      {imagetest.Converted(t, disk, "-c"), true},
		"qcow2 of zstd":          {imagetest.Converted(t, disk, "-c", "-o", "compression_type=zstd"), true},
		"qcow2 with subclusters": {imagetest.Converted(t, disk, "-o", "extended_l2=on"), true},
		"old qcow2":              {imagetest.Converted(t, disk, "-o", "compat=0.10"), true},
		"qcow2 in gzip":          {imagetest.Packed(t, "gzip", imagetest.Converted(t, disk)), true},
		"qcow2 in two parts": {
			append(imagetest.Packed(t, "gzip", imagetest.Converted(t, disk)[:1<<20]),
				imagetest.Packed(t, "gzip", imagetest.Converted(t, disk)[1<<20:])...), true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := answers(t, answer(ok, c.file))
			_, err := stored(t.Context(), Source{URL: url})
			if c.shows && err != nil {
				t.Errorf("the error is %v", err)
			}
			if !c.shows && !errors.Is(err, errUntold) {
				t.Errorf("the error is %v, want %v", err, errUntold)
			}
			if _, err := stored(t.Context(), Source{URL: url, Checksum: imagetest.SHA256(c.file)}); err != nil {
				t.Errorf("with a checksum, the error is %v", err)
			}
			for _, cut := range []int{len(c.file) / 2, len(c.file) - 512, len(c.file) - 1} {
				url, _ = answers(t, answer(ok, c.file[:cut]))
				if _, err = stored(t.Context(), Source{URL: url}); err == nil {
					t.Errorf("cut at byte %d of %d, it was taken for whole", cut, len(c.file))
				} else {
					imagetest.WantBlamed(t, err, "url")
				}
			}
		})
	}
	snapshot := imagetest.WriteFile(t, imagetest.Converted(t, disk))
	needs.Tool(t, "qemu-img", "snapshot", "-c", "one", snapshot)
	url, _ := answers(t, answer(ok, imagetest.ReadFile(t, snapshot)))
	_, err := stored(t.Context(), Source{URL: url})
	imagetest.WantError[*image.UnsupportedImageError](t, err)
}

// Of several frames, the last one is not known to be it.
func TestFramesDoNotShowThatThereAreNoMore(t *testing.T) {
	needs.Installed(t, "pzstd")
	file := imagetest.Packed(t, "pzstd", bytes.Repeat(imagetest.Textual()[:4<<20], 4), "-p", "3")
	url, _ := answers(t, answer(ok, file))
	if _, err := stored(t.Context(), Source{URL: url}); !errors.Is(err, errUntold) {
		t.Errorf("the error is %v, want %v", err, errUntold)
	}
}
