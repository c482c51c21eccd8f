/*
 * A Kafka broker for tests: librdkafka's own, in memory.  Prints "HOST:PORT" and stays until its
 * standard input ends.  usage: kafka_peer TOPIC [PARTITIONS]
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	char text[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	rd_kafka_mock_cluster_t *cluster = rk == NULL ? NULL : rd_kafka_mock_cluster_new(rk, 1);

	if (cluster == NULL)
		return 1;
	for (int i = 1; i < argc; i++)
		(void)rd_kafka_mock_topic_create(cluster, argv[i], 1, 1);
	(void)printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}
