package wire

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// FloatBytes returns the payload of 32-bit elements: the memory of data itself where the processor is little-endian, as amd64 and
// arm64 are, else a copy.
func FloatBytes(data []float32) []byte {
	if len(data) == 0 {
		return nil
	}
	if littleEndian() {
		return unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data))
	}
	b := make([]byte, 0, 4*len(data))
	for _, x := range data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// BytesFloats is the reverse of FloatBytes, for payloads of received messages; a length that is no multiple of 4 is a bug of the caller
// and panics. The result must not be used after the delivery's Release.
func BytesFloats(payload []byte) []float32 {
	if len(payload)%4 != 0 {
		panic("wire: payload is not of 32-bit elements")
	}
	if len(payload) == 0 {
		return nil
	}
	first := unsafe.Pointer(&payload[0])
	if littleEndian() && uintptr(first)%4 == 0 {
		return unsafe.Slice((*float32)(first), len(payload)/4)
	}
	data := make([]float32, len(payload)/4)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(payload[4*i:]))
	}
	return data
}

func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }
