package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.host.NvmeHost;
import io.diskengine.engine.host.NvmeOptions;
import io.diskengine.engine.host.ReconnectTimers;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * bdev_nvme_set_options: what the host heeds goes to {@link NvmeOptions}; what only SPDK's own
 * drivers heed is accepted, kept and shown.
 */
final class NvmeOptionsRpc {
  private static final List<String> ACTIONS = List.of("none", "reset", "abort");

  private static final List<String> KEPT_FLAGS =
      List.of(
          "delay_cmd_submit",
          "disable_auto_failback",
          "generate_uuids",
          "nvme_error_stat",
          "io_path_stat",
          "allow_accel_sequence",
          "rdma_umr_per_io",
          "enable_flush");

  private static final List<String> KEPT_LISTS = List.of("dhchap_digests", "dhchap_dhgroups");

  private final NvmeHost host;

  /** All options in SPDK's order, with its defaults. */
  private Map<String, Object> shown = new LinkedHashMap<>();

  NvmeOptionsRpc(NvmeHost host) {
    this.host = host;
    for (String zero :
        List.of("action_on_timeout", "timeout_us", "timeout_admin_us", "keep_alive_timeout_ms")) {
      shown.put(zero, 0);
    }
    shown.put("action_on_timeout", "none");
    for (String zero :
        List.of(
            "arbitration_burst",
            "low_priority_weight",
            "medium_priority_weight",
            "high_priority_weight")) {
      shown.put(zero, 0);
    }
    shown.put("nvme_adminq_poll_period_us", 10_000);
    shown.put("nvme_ioq_poll_period_us", 0);
    shown.put("io_queue_requests", 0);
    shown.put("delay_cmd_submit", true);
    shown.put("transport_retry_count", 4);
    for (String heeded :
        List.of(
            "bdev_retry_count",
            "transport_ack_timeout",
            "ctrlr_loss_timeout_sec",
            "reconnect_delay_sec",
            "fast_io_fail_timeout_sec")) {
      shown.put(heeded, 0);
    }
    shown.put("disable_auto_failback", false);
    shown.put("generate_uuids", false);
    shown.put("transport_tos", 0);
    shown.put("nvme_error_stat", false);
    shown.put("rdma_srq_size", 0);
    shown.put("io_path_stat", false);
    shown.put("allow_accel_sequence", false);
    shown.put("rdma_max_cq_size", 0);
    shown.put("rdma_cm_event_timeout_ms", 0);
    shown.put("dhchap_digests", List.of("sha256", "sha384", "sha512"));
    shown.put(
        "dhchap_dhgroups",
        List.of("null", "ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"));
    shown.put("rdma_umr_per_io", false);
    shown.put("tcp_connect_timeout_ms", 0);
    shown.put("enable_flush", false);
    shown.put("multipath_opts", Map.of("policy", "active_passive"));
  }

  void set(RpcParams params, RpcReply reply) throws RpcFailure {
    NvmeOptions now = host.options();
    Map<String, Object> kept = new LinkedHashMap<>(shown);
    String action = params.stringOr("action_on_timeout", "none");
    long timeoutUs = params.u64Or("timeout_us", number("timeout_us"));
    NvmeOptions next =
        new NvmeOptions(
            params.u64Or("timeout_admin_us", now.timeoutAdminUs()),
            params.u32Or("keep_alive_timeout_ms", now.keepAliveTimeoutMs()),
            params.u16Or("transport_ack_timeout", now.transportAckTimeout()),
            params.i32Or("bdev_retry_count", now.bdevRetryCount()),
            new ReconnectTimers(
                params.i32Or("ctrlr_loss_timeout_sec", now.timers().ctrlrLossSec()),
                params.u32Or("reconnect_delay_sec", now.timers().reconnectDelaySec()),
                params.u32Or("fast_io_fail_timeout_sec", now.timers().fastIoFailSec())),
            params.u32Or("tcp_connect_timeout_ms", now.tcpConnectTimeoutMs()));
    kept.put("timeout_us", timeoutUs);
    for (Map.Entry<String, Object> option : kept.entrySet()) {
      if (KEPT_FLAGS.contains(option.getKey())) {
        option.setValue(params.boolOr(option.getKey(), (Boolean) option.getValue()));
      } else if (KEPT_LISTS.contains(option.getKey())) {
        if (params.has(option.getKey())) {
          option.setValue(params.strings(option.getKey()));
        }
      } else if (option.getValue() instanceof Number known) {
        option.setValue(params.has(option.getKey()) ? any(params, option.getKey()) : known);
      }
    }
    multipathOpts(params);
    params.end();
    if (!ACTIONS.contains(action)) {
      throw params.undecodable();
    }
    if (!action.equals("none")) {
      throw new RpcFailure(
          BdevException.EINVAL,
          "action_on_timeout " + action + " is not implemented: overdue commands end a connection");
    }
    if (timeoutUs == 0 && next.timeoutAdminUs() != 0) {
      throw RpcFailure.ofErrno(BdevException.EINVAL);
    }
    try {
      host.options(next);
    } catch (BdevException e) {
      throw NvmeRpc.withText(e);
    }
    shown = kept;
    reply.ok(true);
  }

  private static Number any(RpcParams params, String name) throws RpcFailure {
    return name.equals("ctrlr_loss_timeout_sec") || name.equals("bdev_retry_count")
        ? params.i32Or(name, 0)
        : params.u64(name);
  }

  private long number(String name) {
    return shown.get(name) instanceof Number known ? known.longValue() : 0;
  }

  /** Only active_passive exists here. */
  static void multipathOpts(RpcParams params) throws RpcFailure {
    if (!params.has("multipath_opts")) {
      return;
    }
    RpcParams members = params.object("multipath_opts");
    String policy = members.stringOr("policy", "active_passive");
    members.stringOrNull("selector");
    members.u32Or("min_io", 0);
    members.end();
    switch (policy) {
      case "active_passive" -> {}
      case "active_active" ->
          throw new RpcFailure(
              BdevException.EINVAL, "multipath policy active_active is not implemented");
      default -> throw params.undecodable();
    }
  }

  JsonObject config() {
    NvmeOptions now = host.options();
    Map<String, Object> all = new LinkedHashMap<>(shown);
    all.put("timeout_admin_us", now.timeoutAdminUs());
    all.put("keep_alive_timeout_ms", now.keepAliveTimeoutMs());
    all.put("transport_ack_timeout", now.transportAckTimeout());
    all.put("bdev_retry_count", now.bdevRetryCount());
    all.put("ctrlr_loss_timeout_sec", now.timers().ctrlrLossSec());
    all.put("reconnect_delay_sec", now.timers().reconnectDelaySec());
    all.put("fast_io_fail_timeout_sec", now.timers().fastIoFailSec());
    all.put("tcp_connect_timeout_ms", now.tcpConnectTimeoutMs());
    return new JsonObject().put("method", "bdev_nvme_set_options").put("params", all);
  }
}
