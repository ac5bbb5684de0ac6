// A client as SRS is one: a new connection for each hook, closed by the client once it has read the answer.
//
//	load URL BODY CONNECTIONS SECONDS [MOST]
//
// BODY is a file; each {n} in it becomes the number of the request, from 0. Ends after SECONDS, or after MOST
// requests, and prints what came of it as JSON. An answer other than 200 is an error.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func once(address, path string, body []byte) (int, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: SRS/7.0.18(Hang)\r\nContent-Type: application/json\r\n"+
		"Connection: Keep-Alive\r\nContent-Length: %d\r\n\r\n%s", path, address, len(body), body)
	return status(connection)
}

func status(connection io.Reader) (int, error) {
	buffer := make([]byte, 4096)
	read := 0
	for {
		count, err := connection.Read(buffer[read:])
		read += count
		if head := bytes.Index(buffer[:read], []byte("\r\n\r\n")); head >= 0 {
			if read >= head+4+length(buffer[:head]) {
				return strconv.Atoi(string(buffer[9:12]))
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

func length(head []byte) int {
	for _, line := range bytes.Split(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if http.CanonicalHeaderKey(string(name)) == "Content-Length" {
			number, _ := strconv.Atoi(string(bytes.TrimSpace(value)))
			return number
		}
	}
	return 0
}

func main() {
	target, err := url.Parse(os.Args[1])
	if err != nil {
		panic(err)
	}
	body, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	connections, _ := strconv.Atoi(os.Args[3])
	seconds, _ := strconv.ParseFloat(os.Args[4], 64)
	most := int64(1 << 62)
	if len(os.Args) > 5 {
		most, _ = strconv.ParseInt(os.Args[5], 10, 64)
	}
	var next, failed int64
	took := make([][]float64, connections)
	began := time.Now()
	var all sync.WaitGroup
	for i := range took {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for time.Since(began).Seconds() < seconds {
				number := atomic.AddInt64(&next, 1) - 1
				if number >= most {
					return
				}
				sent := bytes.ReplaceAll(body, []byte("{n}"), []byte(strconv.FormatInt(number, 10)))
				start := time.Now()
				said, err := once(target.Host, target.RequestURI(), sent)
				if err != nil || said != 200 {
					atomic.AddInt64(&failed, 1)
					continue
				}
				took[i] = append(took[i], time.Since(start).Seconds()*1000)
			}
		}(i)
	}
	all.Wait()
	report(took, time.Since(began).Seconds(), failed)
}

func report(took [][]float64, seconds float64, failed int64) {
	var times []float64
	for _, some := range took {
		times = append(times, some...)
	}
	sort.Float64s(times)
	at := func(part float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return times[int(part*float64(len(times)-1))]
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"requests": len(times), "failed": failed, "rps": float64(len(times)) / seconds, "p50_ms": at(0.5), "p99_ms": at(0.99),
	})
}
