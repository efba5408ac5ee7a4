package io.diskengine.testkit.spdk;

import static java.util.Map.entry;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The parameters of one call, which SPDK decodes strictly. */
final class Params {
  /**
   * What each method takes: {@code name:type}, required ones with {@code !}. Types: s text, i
   * number, b boolean, l list, o object.
   */
  private static final Map<String, String> TAKES =
      Map.ofEntries(
          entry("bdev_get_bdevs", "name:s timeout:i"),
          entry("bdev_set_options", "bdev_io_pool_size:i bdev_io_cache_size:i bdev_auto_examine:b"),
          entry("bdev_examine", "name:s!"),
          entry("bdev_malloc_create", "name:s num_blocks:i! block_size:i! uuid:s"),
          entry("bdev_malloc_delete", "name:s!"),
          entry(
              "bdev_aio_create", "name:s! filename:s! block_size:i readonly:b fallocate:b uuid:s"),
          entry("bdev_aio_delete", "name:s!"),
          entry(
              "bdev_null_create",
              "name:s! num_blocks:i! block_size:i! physical_block_size:i uuid:s"),
          entry("bdev_null_delete", "name:s!"),
          entry("bdev_get_iostat", "names:l per_channel:b reset_mode:s"),
          entry(
              "bdev_lvol_create_lvstore",
              "bdev_name:s! lvs_name:s! cluster_sz:i clear_method:s"
                  + " num_md_pages_per_cluster_ratio:i md_page_size:i"),
          entry("bdev_lvol_get_lvstores", "uuid:s lvs_name:s"),
          entry("bdev_lvol_get_lvols", "lvs_uuid:s lvs_name:s"),
          entry(
              "bdev_lvol_create",
              "uuid:s lvs_name:s lvol_name:s! size_in_mib:i! thin_provision:b clear_method:s"),
          entry("bdev_lvol_delete", "name:s!"),
          entry(
              "bdev_nvme_detach_controller",
              "name:s! trtype:s adrfam:s traddr:s trsvcid:s subnqn:s"),
          entry("bdev_nvme_disable_controller", "name:s! cntlid:i"),
          entry("bdev_nvme_get_controllers", "name:s"),
          entry("bdev_raid_get_bdevs", "category:s!"),
          entry("bdev_raid_set_options", "process_window_size_kb:i process_max_bandwidth_mb_sec:i"),
          entry(
              "bdev_raid_create",
              "name:s! raid_level:s! strip_size_kb:i base_bdevs:l! uuid:s superblock:b"),
          entry("bdev_raid_delete", "name:s! clear_sb:b"),
          entry("bdev_raid_add_base_bdev", "raid_bdev:s! base_bdev:s!"),
          entry("bdev_raid_remove_base_bdev", "name:s!"),
          entry(
              "nvmf_create_subsystem",
              "nqn:s! allow_any_host:b serial_number:s model_number:s max_namespaces:i"
                  + " min_cntlid:i max_cntlid:i ana_reporting:b"),
          entry("nvmf_delete_subsystem", "nqn:s!"),
          entry("nvmf_subsystem_add_host", "nqn:s! host:s! timeout_ms:i"),
          entry("nvmf_subsystem_remove_host", "nqn:s! host:s! timeout_ms:i"),
          entry("nvmf_subsystem_add_ns", "nqn:s! namespace:o!"),
          entry("nvmf_subsystem_remove_ns", "nqn:s! nsid:i!"),
          entry("nvmf_subsystem_add_listener", "nqn:s! listen_address:o! ana_state:s"),
          entry("nvmf_subsystem_remove_listener", "nqn:s! listen_address:o!"),
          entry("nvmf_subsystem_get_controllers", "nqn:s!"),
          entry("nvmf_get_subsystems", "nqn:s"),
          entry(
              "vhost_create_blk_controller",
              "ctrlr:s! dev_name:s! cpumask:s readonly:b transport:s"),
          entry("vhost_delete_controller", "ctrlr:s!"),
          entry("vhost_get_controllers", "name:s"),
          entry("framework_get_config", "name:s!"),
          entry("spdk_kill_instance", "sig_name:s!"));

  /** Methods that take nothing, not even an empty object. */
  static final Set<String> TAKE_NOTHING =
      Set.of(
          "spdk_get_version",
          "framework_start_init",
          "framework_wait_init",
          "framework_get_reactors",
          "bdev_wait_for_examine");

  private final @Nullable JsonNode params;

  private Params(@Nullable JsonNode params) {
    this.params = params;
  }

  static Params of(String method, @Nullable JsonNode given) throws RpcFault {
    if (TAKE_NOTHING.contains(method)) {
      if (given != null) {
        throw new RpcFault(RpcFault.INVALID_PARAMS, method + " method requires no parameters");
      }
      return new Params(null);
    }
    String takes = TAKES.get(method);
    if (takes != null && !fits(takes, given)) {
      throw refused(method);
    }
    return new Params(given);
  }

  private static RpcFault refused(String method) {
    if (method.startsWith("nvmf_")) {
      return new RpcFault(RpcFault.INVALID_PARAMS, "Invalid parameters");
    }
    String message = "spdk_json_decode_object failed";
    return new RpcFault(method.startsWith("bdev_raid_") ? -32700 : RpcFault.INTERNAL, message);
  }

  private static boolean fits(String takes, @Nullable JsonNode given) {
    if (given != null && !given.isObject()) {
      return false;
    }
    Set<String> known = new HashSet<>();
    for (String each : takes.split(" ")) {
      String name = each.substring(0, each.indexOf(':'));
      known.add(name);
      JsonNode value = given == null ? null : given.get(name);
      if (value == null ? each.endsWith("!") : !isA(value, each.charAt(name.length() + 1))) {
        return false;
      }
    }
    return given == null || known.containsAll(given.propertyNames());
  }

  private static boolean isA(JsonNode value, char type) {
    return switch (type) {
      case 's' -> value.isString();
      case 'i' -> value.isIntegralNumber();
      case 'b' -> value.isBoolean();
      case 'l' -> value.isArray();
      default -> value.isObject();
    };
  }

  Set<String> names() {
    return params == null ? Set.of() : Set.copyOf(params.propertyNames());
  }

  boolean has(String name) {
    return params != null && params.has(name);
  }

  String text(String name) {
    return params == null ? "" : params.path(name).asString("");
  }

  long number(String name, long otherwise) {
    return params == null ? otherwise : params.path(name).asLong(otherwise);
  }

  boolean is(String name, boolean otherwise) {
    return params == null ? otherwise : params.path(name).asBoolean(otherwise);
  }

  @Nullable UUID uuid(String name) throws RpcFault {
    if (!has(name)) {
      return null;
    }
    try {
      return UUID.fromString(text(name));
    } catch (IllegalArgumentException e) {
      throw new RpcFault(RpcFault.INTERNAL, "spdk_json_decode_object failed");
    }
  }

  List<String> texts(String name) {
    List<String> all = new ArrayList<>();
    if (params != null) {
      params.path(name).forEach(v -> all.add(v.asString("")));
    }
    return all;
  }

  /** The parameters inside another one. */
  Params inside(String name) {
    return new Params(params == null ? null : params.path(name));
  }
}
