package io.diskengine.app;

import io.diskengine.engine.lvcheck.FileMedium;
import io.diskengine.engine.lvcheck.Finding;
import io.diskengine.engine.lvcheck.Report;
import io.diskengine.engine.lvcheck.StoreRepair;
import io.diskengine.engine.lvcheck.StoreRepair.Looked;
import io.diskengine.engine.lvcheck.StoreRepair.Plan;
import io.diskengine.engine.lvcheck.StoreRepair.Result;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What can be done with an lvol store that no data plane has open. */
@Command(
    name = "lvstore",
    mixinStandardHelpOptions = true,
    description = "Look at an lvol store on a file or disk that is not in use.",
    subcommands = LvstoreCommand.Check.class)
final class LvstoreCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  LvstoreCommand() {}

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "Missing command.");
  }

  /** Names everything that is wrong; with --repair mends what needs no guess. */
  @Command(
      name = "check",
      mixinStandardHelpOptions = true,
      description = {
        "Read an lvol store (SPDK's blobstore format) and name every inconsistency, one a line.",
        "Nothing is changed without --repair."
      },
      exitCodeListHeading = "%nExit codes:%n",
      exitCodeList = {
        "0:Consistent; notes are harmless.",
        "1:Inconsistent, also when --repair could not mend everything.",
        "2:Bad input: no store there, it cannot be read, or it is in use."
      })
  static final class Check implements Callable<Integer> {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    /** How findings are printed. */
    enum Output {
      text,
      json
    }

    @Spec CommandSpec spec;

    @Parameters(index = "0", paramLabel = "FILE", description = "A file or block device.")
    String file;

    @Option(
        names = "--repair",
        description =
            "Do what a recovery would do and close the store: torn pages from their shadows,"
                + " unfinished snapshots, masks, clean flag. Says each change first; changes"
                + " nothing while anything needs a decision.")
    boolean repair;

    @Option(
        names = "--output",
        defaultValue = "text",
        paramLabel = "text|json",
        description = "How to print (default: ${DEFAULT-VALUE}).")
    Output output;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Check() {}

    @Override
    public Integer call() {
      return switch (FileMedium.open(file, repair)) {
        case FileMedium.Opened.Refused(String reason) -> refuse(reason);
        case FileMedium.Opened.Ok(FileMedium medium) -> {
          try (medium) {
            yield repair ? repair(medium) : look(medium);
          } catch (IOException e) {
            yield refuse(String.valueOf(e.getMessage()));
          }
        }
      };
    }

    private int look(FileMedium medium) throws IOException {
      return switch (StoreRepair.plan(medium)) {
        case Looked.NoStore(String reason) -> refuse(file + ": " + reason);
        case Looked.Planned(Plan plan) -> {
          print(plan, null, List.of());
          yield exitCode(plan.report());
        }
      };
    }

    private int repair(FileMedium medium) throws IOException {
      List<String> done = new ArrayList<>();
      Result result =
          StoreRepair.repair(
              medium,
              change -> {
                done.add(change);
                if (output == Output.text) {
                  out().println("repair: " + Table.clean(change));
                  out().flush();
                }
              });
      return switch (result) {
        case Result.NoStore(String reason) -> refuse(file + ": " + reason);
        case Result.Unchanged(Plan plan) -> {
          print(plan, null, done);
          yield exitCode(plan.report());
        }
        case Result.Repaired(Plan plan, Report after) -> {
          print(plan, after, done);
          yield exitCode(after);
        }
      };
    }

    private int refuse(String reason) {
      spec.commandLine().getErr().println(spec.qualifiedName() + ": " + Table.clean(reason));
      return ExitCode.REFUSED;
    }

    private static int exitCode(Report report) {
      return report.consistent() ? ExitCode.DONE : ExitCode.FAILED;
    }

    private PrintWriter out() {
      return spec.commandLine().getOut();
    }

    private void print(Plan plan, @Nullable Report after, List<String> done) {
      if (output == Output.json) {
        out()
            .println(
                MAPPER
                    .writerWithDefaultPrettyPrinter()
                    .writeValueAsString(json(plan, after, done)));
        return;
      }
      Report report = after == null ? plan.report() : after;
      report.findings().forEach(f -> out().println(f));
      if (after == null) {
        plan.obstacles().forEach(o -> out().println("not repaired, " + o));
        if (!repair) {
          plan.changes().forEach(c -> out().println("--repair would: " + c));
        }
      }
      out().println(summary(report));
    }

    private String summary(Report report) {
      Report.Store store = report.store();
      String what =
          store == null
              ? "no more can be read than the super block"
              : "lvol store \""
                  + store.name()
                  + "\" "
                  + store.uuid()
                  + ", "
                  + (store.clean() ? "clean" : "dirty")
                  + ", "
                  + report.lvols().size()
                  + " lvols, "
                  + store.freeClusters()
                  + " of "
                  + store.clusters()
                  + " clusters of "
                  + store.clusterBytes()
                  + " bytes free, "
                  + store.usedMetadataPages()
                  + " of "
                  + store.metadataPages()
                  + " metadata pages used";
      return file
          + ": "
          + what
          + ": "
          + report.inconsistencies()
          + " inconsistencies, "
          + report.notes()
          + " notes";
    }

    // ---- JSON

    private ObjectNode json(Plan plan, @Nullable Report after, List<String> done) {
      ObjectNode json = report(after == null ? plan.report() : after);
      if (after != null) {
        json.set("before", report(plan.report()));
      }
      ArrayNode changes = json.putArray(repair ? "repaired" : "repair_would");
      (repair ? done : plan.changes()).forEach(changes::add);
      ArrayNode obstacles = json.putArray("not_repaired");
      plan.obstacles().forEach(obstacles::add);
      return json;
    }

    private ObjectNode report(Report report) {
      ObjectNode json = MAPPER.createObjectNode();
      json.put("file", file);
      json.put("consistent", report.consistent());
      json.put("inconsistencies", report.inconsistencies());
      json.put("notes", report.notes());
      Report.Store store = report.store();
      if (store != null) {
        json.putObject("lvol_store")
            .put("name", store.name())
            .put("uuid", store.uuid())
            .put("version", store.version())
            .put("clean", store.clean())
            .put("size_bytes", store.sizeBytes())
            .put("cluster_bytes", store.clusterBytes())
            .put("clusters", store.clusters())
            .put("free_clusters", store.freeClusters())
            .put("metadata_pages", store.metadataPages())
            .put("used_metadata_pages", store.usedMetadataPages())
            .put("metadata_page_bytes", store.metadataPageBytes())
            .put("io_unit_bytes", store.ioUnitBytes());
      }
      ArrayNode lvols = json.putArray("lvols");
      for (Report.Lvol lvol : report.lvols()) {
        lvols
            .addObject()
            .put("name", lvol.name())
            .put("uuid", lvol.uuid())
            .put("blob_id", "0x" + Long.toHexString(lvol.blobId()))
            .put("clusters", lvol.clusters())
            .put("allocated_clusters", lvol.allocatedClusters())
            .put("thin", lvol.thin())
            .put("read_only", lvol.readOnly())
            .put("parent", lvol.parent())
            .put("external_snapshot", lvol.externalSnapshot());
      }
      ArrayNode findings = json.putArray("findings");
      for (Finding finding : report.findings()) {
        findings
            .addObject()
            .put("severity", finding.severity() == Finding.Severity.NOTE ? "note" : "inconsistent")
            .put("rule", finding.rule().code())
            .put("object", finding.object())
            .put("area", finding.place().area())
            .put("page", finding.place().page())
            .put("offset", finding.place().offsetBytes())
            .put("found", finding.found())
            .put("expected", finding.expected());
      }
      return json;
    }
  }
}
