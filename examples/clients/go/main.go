// Publishes one payout and waits for its outcome.
//
//	go run . BROKERS PREFIX RECORD_ID MINOR_UNITS CURRENCY
//
// Prints every result of the record once. Exit status: 0 succeeded, 1 otherwise.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// result has the members that this program needs; others may be added and are ignored.
type result struct {
	EventID  string `json:"event_id"`
	Sequence int    `json:"sequence"`
	RecordID string `json:"record_id"`
	Status   string `json:"status"`
	Final    bool   `json:"final"`
	Error    struct {
		Code string `json:"code"`
	} `json:"error"`
}

type object map[string]any

func publish(ctx context.Context, brokers []string, topic string, recordID string, instruction object) error {
	// All in-sync replicas must have it before we go on. A second copy does no harm: it is a duplicate, and nothing is sent
	// for it.
	writer := kafka.Writer{Addr: kafka.TCP(brokers...), Topic: topic, RequiredAcks: kafka.RequireAll, Balancer: &kafka.Hash{}, BatchSize: 1}
	value, err := json.Marshal(instruction)
	if err != nil {
		return err
	}
	if err := writer.WriteMessages(ctx, kafka.Message{Key: []byte(recordID), Value: value}); err != nil {
		return err
	}
	return writer.Close()
}

// outcome reads the results topic from its beginning until the record has ended. It commits nothing, so that each run
// begins at the beginning. A service that runs for long would commit, and keep the ids of events and the newest sequence of
// each record in its own database, in the transaction that acts on them.
func outcome(ctx context.Context, brokers []string, topic string, recordID string) (result, error) {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: brokers, Topic: topic, GroupID: "payout-example-" + recordID, StartOffset: kafka.FirstOffset, MaxWait: 100 * time.Millisecond,
	})
	defer reader.Close()
	seen := map[string]bool{}
	newest := 0
	for {
		message, err := reader.FetchMessage(ctx)
		if err != nil {
			return result{}, err
		}
		var event result
		if err := json.Unmarshal(message.Value, &event); err != nil {
			return result{}, err
		}
		// An event can be on the topic twice: its id says so.
		if event.RecordID != recordID || seen[event.EventID] {
			continue
		}
		seen[event.EventID] = true
		// After a crash an older event can come after a newer one: the highest sequence counts.
		if event.Sequence < newest {
			continue
		}
		newest = event.Sequence
		fmt.Println(event.Sequence, event.Status, event.Error.Code)
		// A duplicate or a conflict says that nothing was sent for this message; the record has an outcome of its own.
		if event.Final && event.Status != "duplicate" && event.Status != "conflict" {
			return event, nil
		}
	}
}

func run() (string, error) {
	brokers, prefix, recordID, currency := strings.Split(os.Args[1], ","), os.Args[2], os.Args[3], os.Args[5]
	amount, err := strconv.ParseInt(os.Args[4], 10, 64)
	if err != nil {
		return "", err
	}
	instruction := object{
		"record_id": recordID,
		"kind":      "payout",
		// In minor units: 12.30 EUR is 1230.
		"amount_details": object{"amount": amount, "currency": currency},
		"payment_method": object{
			"type": "wallet",
			"wallet": object{
				"type":   "global",
				"global": object{"name": "examplepay", "msisdn": "+639171234567", "description": "Payout " + recordID},
			},
		},
	}
	ctx := context.Background()
	if err := publish(ctx, brokers, prefix+".instructions", recordID, instruction); err != nil {
		return "", err
	}
	ended, err := outcome(ctx, brokers, prefix+".results", recordID)
	return ended.Status, err
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: payout BROKERS PREFIX RECORD_ID MINOR_UNITS CURRENCY")
		os.Exit(2)
	}
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if status != "succeeded" {
		os.Exit(1)
	}
}
