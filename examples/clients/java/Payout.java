import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Publishes one payout and waits for its outcome. Needs kafka-clients and jackson-databind on the class path.
 *
 * <pre>java -cp 'libs/*' Payout.java BROKERS PREFIX RECORD_ID MINOR_UNITS CURRENCY</pre>
 *
 * Prints every result of the record once. Exit status: 0 succeeded, 1 otherwise.
 */
public class Payout {
  private static final ObjectMapper JSON = new ObjectMapper();

  static void publish(String brokers, String topic, String recordId, Map<String, Object> instruction) throws Exception {
    Properties settings = new Properties();
    settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    // All in-sync replicas must have it before we go on. A second copy does no harm: it is a duplicate, and nothing is
    // sent for it.
    settings.put(ProducerConfig.ACKS_CONFIG, "all");
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      String value = JSON.writeValueAsString(instruction);
      producer.send(new ProducerRecord<>(topic, recordId, value)).get(60, TimeUnit.SECONDS);
    }
  }

  /**
   * Reads the results topic from its beginning until the record has ended. A service that runs for long would read in a
   * consumer group and keep the ids of events and the newest sequence of each record in its own database, in the
   * transaction that acts on them.
   */
  static JsonNode outcome(String brokers, String topic, String recordId) throws Exception {
    Properties settings = new Properties();
    settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(one -> new TopicPartition(topic, one.partition()))
              .collect(Collectors.toList());
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Set<String> seen = new HashSet<>();
      long newest = 0;
      while (true) {
        for (ConsumerRecord<String, String> message : consumer.poll(Duration.ofSeconds(1))) {
          JsonNode event = JSON.readTree(message.value());
          // An event can be on the topic twice: its id says so. Members that we do not know may be added: they are ignored.
          if (!recordId.equals(event.path("record_id").asText()) || !seen.add(event.get("event_id").asText())) continue;
          // After a crash an older event can come after a newer one: the highest sequence counts.
          if (event.get("sequence").asLong() < newest) continue;
          newest = event.get("sequence").asLong();
          String status = event.get("status").asText();
          System.out.println(newest + " " + status + " " + event.path("error").path("code").asText(""));
          // A duplicate or a conflict says that nothing was sent for this message; the record has an outcome of its own.
          boolean isOfAnother = status.equals("duplicate") || status.equals("conflict");
          if (event.get("final").asBoolean() && !isOfAnother) return event;
        }
      }
    }
  }

  public static void main(String[] args) throws Exception {
    String brokers = args[0];
    String prefix = args[1];
    String recordId = args[2];
    Map<String, Object> wallet =
        Map.of("name", "examplepay", "msisdn", "+639171234567", "description", "Payout " + recordId);
    Map<String, Object> instruction =
        Map.of(
            "record_id", recordId,
            "kind", "payout",
            // In minor units: 12.30 EUR is 1230.
            "amount_details", Map.of("amount", Long.parseLong(args[3]), "currency", args[4]),
            "payment_method", Map.of("type", "wallet", "wallet", Map.of("type", "global", "global", wallet)));
    publish(brokers, prefix + ".instructions", recordId, instruction);
    JsonNode ended = outcome(brokers, prefix + ".results", recordId);
    System.exit(ended.get("status").asText().equals("succeeded") ? 0 : 1);
  }
}
