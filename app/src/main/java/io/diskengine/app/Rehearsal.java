package io.diskengine.app;

import io.diskengine.api.ApiJson;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a baremetal node's engine does after a restart, done once by an engine that serves itself
 * over loopback: the JVM that records it ({@link WarmStart}) starts faster ever after.
 */
final class Rehearsal {
  private static final Logger LOG = LoggerFactory.getLogger(Rehearsal.class);

  /** Methods with parameters; {@code PORT} is a free one. */
  private static final String[][] CALLS = {
    {"rpc_get_methods", "{}"},
    {"bdev_set_options", "{\"bdev_auto_examine\": false}"},
    {"framework_start_init", "{}"},
    {"framework_wait_init", "{}"},
    {"bdev_malloc_create", "{\"name\": \"m0\", \"num_blocks\": 32768, \"block_size\": 512}"},
    {"bdev_malloc_create", "{\"name\": \"m1\", \"num_blocks\": 32768, \"block_size\": 512}"},
    {"nvmf_create_transport", "{\"trtype\": \"TCP\"}"},
    {
      "nvmf_create_subsystem",
      "{\"nqn\": \"NQN\", \"allow_any_host\": true, \"serial_number\": \"rehearsal\"}"
    },
    {
      "nvmf_subsystem_add_ns", // its own uuid, because both ends are in one process
      "{\"nqn\": \"NQN\", \"namespace\": {\"bdev_name\": \"m0\","
          + " \"uuid\": \"7d7a6c1e-0f4a-4f0e-9a52-6f6b3b0f1c2d\"}}"
    },
    {
      "nvmf_subsystem_add_listener",
      "{\"nqn\": \"NQN\", \"listen_address\": {\"trtype\": \"TCP\", \"adrfam\": \"IPv4\","
          + " \"traddr\": \"127.0.0.1\", \"trsvcid\": \"PORT\"}}"
    },
    {
      "bdev_nvme_attach_controller",
      "{\"name\": \"n0\", \"trtype\": \"TCP\", \"adrfam\": \"IPv4\", \"traddr\": \"127.0.0.1\","
          + " \"trsvcid\": \"PORT\", \"subnqn\": \"NQN\"}"
    },
    {"bdev_nvme_get_controllers", "{}"},
    {
      "bdev_raid_create",
      "{\"name\": \"r0\", \"raid_level\": \"raid1\", \"superblock\": true,"
          + " \"base_bdevs\": [\"n0n1\", \"m1\"]}"
    },
    {"bdev_raid_get_bdevs", "{\"category\": \"all\"}"},
    {"vhost_create_blk_controller", "{\"ctrlr\": \"rehearsal\", \"dev_name\": \"r0\"}"},
    {"vhost_get_controllers", "{}"},
    {"bdev_get_bdevs", "{}"},
    {"spdk_kill_instance", "{\"sig_name\": \"SIGTERM\"}"},
  };

  private Rehearsal() {}

  static void run(String rpcAddress) throws IOException {
    String port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = Integer.toString(free.getLocalPort());
    }
    try (SpdkRpcClient self = SpdkRpcClient.connect(rpcAddress)) {
      for (String[] call : CALLS) {
        String parameters =
            call[1].replace("PORT", port).replace("NQN", "nqn.2026-11.io.diskengine:rehearsal");
        RpcResult<?> result =
            self.call(RpcRequest.raw(call[0], ApiJson.MAPPER.readTree(parameters)));
        if (!result.isOk()) {
          LOG.atWarn().addKeyValue("method", call[0]).log("{}", result);
        }
      }
    }
  }
}
