export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    /** AccountRow */
    AccountRow: {
      disabled_ms: number;
      end_at: number;
      farm?: string;
      fleet?: string;
      idle_blocked_ms: number;
      idle_no_work_ms: number;
      machine_ms: number;
      off_ms: number;
      overhead_ms: number;
      rendering_useful_ms: number;
      rendering_wasted_ms: number;
      start_at: number;
      thread_ms: {
        [key: string]: number;
      };
      unknown_ms: number;
      worker?: string;
    };
    /** AccountSums */
    AccountSums: {
      disabled_ms: number;
      idle_blocked_ms: number;
      idle_no_work_ms: number;
      machine_ms: number;
      off_ms: number;
      overhead_ms: number;
      rendering_useful_ms: number;
      rendering_wasted_ms: number;
      thread_ms: {
        [key: string]: number;
      };
      unknown_ms: number;
    };
    /** AccountTimes */
    AccountTimes: {
      disabled_ms: number;
      idle_blocked_ms: number;
      idle_no_work_ms: number;
      off_ms: number;
      overhead_ms: number;
      rendering_useful_ms: number;
      rendering_wasted_ms: number;
      unknown_ms: number;
    };
    /** AccountsAnswer */
    AccountsAnswer: {
      by: string;
      machine_ms: number;
      rows: components['schemas']['AccountRow'][];
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
      step: string | null;
      total: components['schemas']['AccountSums'];
      workers: number;
    };
    /** AllGroups */
    AllGroups: {
      groups: {
        [key: string]: string[];
      };
    };
    /** AllPools */
    AllPools: {
      pools: components['schemas']['PoolBody'][];
    };
    /** AttemptAt */
    AttemptAt: {
      after: components['schemas']['WorkerAttempt'] | null;
      at: number;
      attempt: components['schemas']['WorkerAttempt'] | null;
      before: components['schemas']['WorkerAttempt'] | null;
      others: components['schemas']['WorkerAttempt'][];
      simulated?: boolean;
      worker_id: string;
    };
    /** Attribution */
    Attribution: {
      job_id: string;
      name: string;
      rows: components['schemas']['AttributionRow'][];
      rules: string[];
    };
    /** AttributionRow */
    AttributionRow: {
      attribute: string;
      kept: string;
      layer: string | null;
      source: string;
      value: string;
    };
    /** AuditPage */
    AuditPage: {
      entries: components['schemas']['AuditRow'][];
      older: string | null;
    };
    /** AuditRow */
    AuditRow: {
      actor: string;
      address: string;
      at: number;
      audit_id: string;
      credential: string;
      detail: string;
      farm_id: string;
      kind: string;
      operation: string;
      outcome: string;
      reason: string;
      request_id: string;
      subject: string;
    };
    /** BackupName */
    BackupName: {
      name: string;
    };
    /** BackupProgress */
    BackupProgress: {
      byte_count: number;
      bytes_of: number;
      files: number;
      files_of: number;
      name: string;
      step: string;
    };
    /** BackupRow */
    BackupRow: {
      byte_count: number;
      created_at: number;
      files: number;
      name: string;
      revision: string;
      state: string;
      version: string;
    };
    /** BackupRows */
    BackupRows: {
      backups: components['schemas']['BackupRow'][];
      problem: string | null;
      running: components['schemas']['BackupProgress'] | null;
    };
    /** BookFile */
    BookFile: {
      byte_count: number;
      catalog_version: number;
      end_at: number;
      form: string;
      location: string;
      path: string;
      provenance: {
        [key: string]: unknown;
      };
      row_count: number;
      sha256: string;
      start_at: number;
      table_name: string;
    };
    /** BookFiles */
    BookFiles: {
      files: components['schemas']['BookFile'][];
      simulated?: boolean;
    };
    /** BookWorker */
    BookWorker: {
      global_index: number;
      name: string;
      worker_id: string;
    };
    /** BookWorkers */
    BookWorkers: {
      simulated?: boolean;
      workers: components['schemas']['BookWorker'][];
    };
    /** BooksAbout */
    BooksAbout: {
      currency: string;
      farm_id: string;
      name: string;
      now: number;
      simulated?: boolean;
      zone: string;
    };
    /** BooksCheck */
    BooksCheck: {
      detail: string;
      name: string;
      ok: boolean;
    };
    /** BooksRebuilt */
    BooksRebuilt: {
      blocks_checked: number;
      blocks_rewritten: number;
      lost: string[];
      rollups: number;
      rows: number;
      simulated?: boolean;
    };
    /** BooksSize */
    BooksSize: {
      at: number;
      byte_count: number;
      bytes_later: {
        [key: string]: number | null;
      };
      bytes_per_day: number | null;
      facts_refused: {
        [key: string]: number;
      };
      free_bytes: number;
      full_in_days: number | null;
      journal_bytes: number;
      retired_bytes: number;
      tables: components['schemas']['TableSizeRow'][];
    };
    /** BooksVerified */
    BooksVerified: {
      checks: components['schemas']['BooksCheck'][];
      ok: boolean;
      simulated?: boolean;
    };
    /** BudgetBody */
    BudgetBody: {
      amount: string;
      budget_id?: string | null;
      end_at?: number | null;
      name: string;
      /**
       * @default cost
       * @enum {string}
       */
      of: 'cost' | 'sell';
      scope?: {
        [key: string]: string;
      };
      start_at?: number | null;
      /** @default false */
      stops: boolean;
    };
    /** BudgetId */
    BudgetId: {
      budget_id: string;
    };
    /** BudgetRow */
    BudgetRow: {
      advice: string | null;
      amount: string;
      budget_id: string;
      created_by: string;
      earliest_at: number | null;
      end_at: number | null;
      exhausted_at: number | null;
      is_spent: boolean;
      lasts: boolean | null;
      latest_at: number | null;
      left: string;
      name: string;
      of: string;
      per_day: string | null;
      scope: {
        [key: string]: string;
      };
      spent: string;
      start_at: number;
      stops: boolean;
      used: number | null;
    };
    /** BudgetsAnswer */
    BudgetsAnswer: {
      budgets: components['schemas']['BudgetRow'][];
      currency: string;
      simulated?: boolean;
    };
    /** CardId */
    CardId: {
      card_id: string;
    };
    /** Changed */
    Changed: {
      changed: string[];
    };
    /** Cluster */
    Cluster: {
      assignee?: string | null;
      cluster_id: string;
      count: number;
      deed?: string | null;
      deed_id?: string | null;
      examples: components['schemas']['Example'][];
      first_at: number;
      fixes: string[];
      jobs: components['schemas']['Named'][];
      last_at: number;
      lost_ms: number;
      signature: string;
      snoozed_until_at?: number | null;
      /** @default open */
      state: string;
      title: string;
      trouble: string;
      workers: components['schemas']['Named'][];
    };
    /** ClusterOutcome */
    ClusterOutcome: {
      cluster_id: string;
      deed_id?: string | null;
      refused?: string | null;
      text: string;
      title: string;
    };
    /** CollectedBody */
    CollectedBody: {
      /** @enum {string} */
      kind: 'rx' | 'tx' | 'other';
      stream: string;
      until_at: number;
    };
    /** CollectedLog */
    CollectedLog: {
      kind: string;
      machine: string;
      stream: string;
      until_at: number;
    };
    /** Consequence */
    Consequence: {
      action: string;
      applied: boolean;
      jobs?: components['schemas']['JobConsequence'][];
      /** @default false */
      nothing: boolean;
      refused?: {
        [key: string]: string;
      };
      text: string;
      workers?: components['schemas']['WorkerConsequence'][];
    };
    /** Contact */
    Contact: {
      deleted: boolean;
      index: number;
      ip_history: components['schemas']['WorkerAddress'][];
      last_connect_at: number | null;
      last_contact_at: number | null;
      last_wake_at: number | null;
      name: string;
      ps: number;
      speed_history: components['schemas']['WorkerSpeed'][];
      version: string | null;
      wake_failed_tries: number;
      wakes: components['schemas']['WorkerWake'][];
      worker_id: string;
    };
    /** ContactBody */
    ContactBody: {
      collected?: components['schemas']['CollectedBody'][];
      machine: string;
      /** @enum {string} */
      program: 'collect' | 'datalog';
    };
    /** ContactRow */
    ContactRow: {
      at: number;
      machine: string;
      program: string;
      streams: number;
    };
    /** ContactRows */
    ContactRows: {
      contacts: components['schemas']['ContactRow'][];
    };
    /** Contacts */
    Contacts: {
      at: number;
      contacts: components['schemas']['Contact'][];
      simulated?: boolean;
    };
    /** CostPart */
    CostPart: {
      cost: string;
      machine_ms: number;
      name: string;
    };
    /** CostSums */
    CostSums: {
      cost: string | null;
      machine_ms: number;
      sell: string | null;
      thread_ms: number;
      wasted_cost: string | null;
      wasted_ms: number;
    };
    /** CostsAnswer */
    CostsAnswer: {
      by: string[];
      components: {
        [key: string]: components['schemas']['CostSums'];
      };
      currency: string;
      example: boolean;
      rows: {
        [key: string]: string | number | null;
      }[];
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
      total: components['schemas']['CostSums'];
      unpriced_ms: number;
      waste: {
        [key: string]: components['schemas']['WasteCost'];
      };
      where: string;
    };
    /** CreditBody */
    CreditBody: {
      amount?: string | null;
      reason: string;
      where: string;
    };
    /** DataSource */
    DataSource: {
      /** @default  */
      address: string;
      ds_type?: components['schemas']['DsType'];
      index: number;
      label: string;
      maximum?: number | null;
      minimum?: number | null;
      /** @default  */
      value_id: string;
      /** @default 0 */
      value_index: number;
    };
    /** DayAnswer */
    DayAnswer: {
      apps: {
        [key: string]: {
          [key: string]: (number | null)[];
        };
      };
      day: string;
      fleets: {
        [key: string]: {
          [key: string]: (number | null)[];
        };
      };
      groups: {
        [key: string]: {
          [key: string]: (number | null)[];
        };
      };
      projects: {
        [key: string]: {
          [key: string]: (number | null)[];
        };
      };
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
      starts_at: number[][];
      unix_day: number;
      users: {
        [key: string]: {
          [key: string]: (number | null)[];
        };
      };
      valid: boolean[];
      workers: {
        [key: string]: (number | null)[];
      } | null;
      written_at: number | null;
      zone: string;
    };
    /** DayOfWorkers */
    DayOfWorkers: {
      simulated?: boolean;
      workers: components['schemas']['WorkerDay'][];
    };
    /** DeedRow */
    DeedRow: {
      at: number;
      by: string;
      cluster_id: string;
      deed_id: string;
      fix: string;
      text: string;
      title: string;
    };
    /** Deliveries */
    Deliveries: {
      deliveries: components['schemas']['DeliveryRow'][];
    };
    /** DeliveryRow */
    DeliveryRow: {
      attempts: number;
      body: string;
      created_at: number;
      ended_at: number | null;
      error: string;
      event: string;
      event_id: string;
      hook_id: string;
      next_at: number | null;
      status: string;
    };
    /** DiscountBody */
    DiscountBody: {
      app?: string | null;
      fleet_id?: string | null;
      name: string;
      percent: string;
      project?: string | null;
      queue_id?: string | null;
      user?: string | null;
    };
    /** Done */
    Done: {
      /** @default true */
      ok: boolean;
    };
    /**
     * DsType
     * @description What a number that arrives means.
     * @default GAUGE
     * @enum {string}
     */
    DsType: 'GAUGE' | 'COUNTER' | 'DERIVE' | 'ABSOLUTE';
    /** EnergyLineBody */
    EnergyLineBody: {
      fleet_id?: string | null;
      per_kwh: string;
      region?: string | null;
      /**
       * @default rated
       * @enum {string}
       */
      source: 'rated' | 'measured';
      watts?: string | null;
    };
    /** ErrorRow */
    ErrorRow: {
      action_id: string;
      at: number;
      class: string | null;
      layer_id: string | null;
      session_id: string;
      task_id: string | null;
      text: string;
      worker: string;
      worker_id: string;
    };
    /** EtaAnswer */
    EtaAnswer: {
      earliest_at: number | null;
      job_id: string;
      latest_at: number | null;
      layers: components['schemas']['LayerAhead'][];
      likely_at: number | null;
      name: string;
      now: number;
      simulated?: boolean;
      status: string;
      text: string;
      threads: number;
    };
    /** Example */
    Example: {
      at: number;
      attempt?: number | null;
      job?: string | null;
      job_id?: string | null;
      line?: number | null;
      page?: string | null;
      task_id?: string | null;
      text: string;
      worker?: string | null;
      worker_id?: string | null;
    };
    /** ExchangeRateBody */
    ExchangeRateBody: {
      rate: string;
      valid_from?: number | null;
    };
    /** ExchangeRateId */
    ExchangeRateId: {
      rate_id: string;
    };
    /** ExchangeRateRow */
    ExchangeRateRow: {
      created_at: number;
      created_by: string;
      currency: string;
      rate: string;
      rate_id: string;
      valid_from: number;
    };
    /** ExchangeRates */
    ExchangeRates: {
      exchange_rates: components['schemas']['ExchangeRateRow'][];
    };
    /** Extreme */
    Extreme: {
      at: number;
      object: string | null;
    };
    /** FactsKept */
    FactsKept: {
      accepted: number;
      refused: components['schemas']['RefusedFact'][];
    };
    /** FarmRow */
    FarmRow: {
      created_at: number;
      currency: string;
      description: string;
      farm_id: string;
      name: string;
      simulated: boolean;
      zone: string;
    };
    /** Farms */
    Farms: {
      farms: components['schemas']['FarmRow'][];
    };
    /**
     * Fix
     * @description What people do about trouble.
     * @enum {string}
     */
    Fix: 'quarantine' | 'enable' | 'exclude' | 'requeue' | 'resume' | 'snooze' | 'assign';
    /**
     * FoldKind
     * @description Why lines belong together.
     * @enum {string}
     */
    FoldKind: 'alike' | 'setup' | 'lost';
    /** ForecastAnswer */
    ForecastAnswer: {
      by: string[];
      columns: components['schemas']['ReportColumn'][];
      currency: string;
      facts: {
        [key: string]: unknown;
      };
      known: components['schemas']['KnownDay'][];
      known_days: number;
      matched: number;
      notes: string[];
      peak_factor: number;
      report: string;
      rows: components['schemas']['ForecastDay'][];
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
      title: string;
      where: string;
    };
    /** ForecastDay */
    ForecastDay: {
      day: string;
      demand_high_hours: number;
      demand_hours: number;
      demand_low_hours: number;
      workers: number;
      workers_high: number;
      workers_low: number;
    };
    /** ForeignHistory */
    ForeignHistory: {
      records: components['schemas']['ForeignRecord'][];
      simulated?: boolean;
      total: number;
    };
    /** ForeignKept */
    ForeignKept: {
      kept: number;
    };
    /** ForeignRecord */
    ForeignRecord: {
      app: string | null;
      at: number | null;
      brought_at: number;
      brought_by: string;
      kind: string;
      layer_name: string | null;
      project: string | null;
      record: unknown;
      record_id: string;
      source: string;
      user_name: string | null;
    };
    /** ForeignRecords */
    ForeignRecords: {
      records: {
        [key: string]: unknown;
      }[];
      source: string;
      written_at: number;
    };
    /** FoundErrors */
    FoundErrors: {
      found: [number, string, string | null][];
      scanned: number;
      total: number;
    };
    /** FoundFolds */
    FoundFolds: {
      again: number;
      folds: [number, number, components['schemas']['FoldKind']][];
      scanned: number;
    };
    /** FoundJobs */
    FoundJobs: {
      jobs: components['schemas']['JobRow'][];
      looked_back_to: number | null;
      matched: number | null;
      next: string | null;
      total: number;
    };
    /** FoundLines */
    FoundLines: {
      found: [number, string][];
      scanned: number;
      total: number;
    };
    /** FoundWorkers */
    FoundWorkers: {
      matched: number;
      total: number;
      workers: components['schemas']['WorkerRow'][];
    };
    /** FrameColumns */
    FrameColumns: {
      attempts: number[];
      frame: number[];
      has_preview: boolean[];
      layer_id: string[];
      output_bytes: (number | null)[];
      render_ms: (number | null)[];
      status: string[];
      task_index: number[];
      worker: (string | null)[];
    };
    /** FramePart */
    FramePart: {
      job_cpu_milli: number | null;
      job_memory_bytes: number | null;
      other_cpu_milli: number | null;
      threads: number | null;
    };
    /** FrameRecord */
    FrameRecord: {
      action_id: string;
      attempt: number | null;
      averaged_over: number;
      cpu_ms: number | null;
      ended_at: number;
      first_after_load: boolean;
      first_of_chunk: boolean;
      fleet_id: string;
      frame: number;
      index: number | null;
      job_id: string;
      layer_id: string;
      log_first_frame: number | null;
      log_started_at: number | null;
      output_bytes: number | null;
      output_path: string | null;
      parts: components['schemas']['FramePart'][];
      peak_memory_bytes: number | null;
      render_ms: number;
      session_id: string;
      started_at: number;
      status: string;
      task_index: number;
      user_logged_in: boolean | null;
      worker: string;
      worker_ended_at: number;
      worker_id: string;
      worker_started_at: number;
    };
    /** FrameRecords */
    FrameRecords: {
      frames: components['schemas']['FrameRecord'][];
      job_id: string;
      layers: components['schemas']['FramesOfLayer'][];
      simulated?: boolean;
    };
    /** FrameRecordsOfJobs */
    FrameRecordsOfJobs: {
      jobs: components['schemas']['JobFrames'][];
      simulated?: boolean;
    };
    /** Frames */
    Frames: {
      books_answered: boolean;
      frames: components['schemas']['FrameColumns'];
    };
    /** FramesAction */
    FramesAction: {
      /**
       * @default requeue
       * @constant
       */
      action: 'requeue';
      /** @default false */
      apply: boolean;
      frames: string;
      layer_id: string;
    };
    /** FramesOfLayer */
    FramesOfLayer: {
      count: number;
      layer: string;
      layer_id: string;
    };
    /** GroupBody */
    GroupBody: {
      /** @enum {null|string} */
      kind?: 'rx' | 'tx' | 'other' | null;
      machines?: string[];
      name: string;
      products?: string[];
      streams?: string[];
    };
    /** GroupChange */
    GroupChange: {
      /**
       * @default set
       * @enum {string}
       */
      how: 'set' | 'add' | 'remove';
      workers?: string[];
    };
    /** GroupMember */
    GroupMember: {
      index: number | null;
      name: string;
      worker_id: string;
    };
    /** GroupNow */
    GroupNow: {
      name: string;
      workers: string[];
    };
    /** GroupTime */
    GroupTime: {
      end_at: number | null;
      group: string;
      start_at: number;
      worker_id: string;
    };
    /** GroupsAnswer */
    GroupsAnswer: {
      groups: components['schemas']['WorkerGroup'][];
      memberships: components['schemas']['GroupTime'][];
      of_workers: {
        [key: string]: string[];
      };
      settings_at: number | null;
      simulated?: boolean;
    };
    /** HailMet */
    HailMet: {
      /** @default  */
      answer: string;
      hail_id: string;
      outcome: components['schemas']['Outcome'];
    };
    /** HailRow */
    HailRow: {
      seen_at: number;
      text: string;
      told_at: number;
      verdict: string;
      witnesses: components['schemas']['WitnessRow'][];
    };
    /** Held */
    Held: {
      level: string;
      place: string;
      target_id: string;
    };
    /** HistoryAnswer */
    HistoryAnswer: {
      currency: string;
      matched: number;
      of: number;
      offset: number;
      records: components['schemas']['HistoryRow'][];
      simulated?: boolean;
    };
    /** HistoryPages */
    HistoryPages: {
      currency: string;
      matched: number;
      of: number;
      offset: number;
      records: components['schemas']['WholeHistoryRow'][];
      simulated?: boolean;
    };
    /** HistoryProject */
    HistoryProject: {
      first_submitted_at: number;
      last_submitted_at: number;
      project: string;
      records: number;
    };
    /** HistoryProjects */
    HistoryProjects: {
      projects: components['schemas']['HistoryProject'][];
      simulated?: boolean;
    };
    /** HistoryRecord */
    HistoryRecord: {
      aborted: number;
      aov: string | null;
      app: components['schemas']['RenderApp'];
      camera: string | null;
      changed_at: number;
      color: string | null;
      cost?: string | null;
      crashed: number;
      current?: components['schemas']['LayerSums'];
      custom_scene: string | null;
      error_count: number;
      error_list: components['schemas']['LayerError'][];
      errors: number;
      farm_id: string;
      finished_at: number | null;
      first_finished_at: number | null;
      frames: components['schemas']['LayerFrames'];
      image: components['schemas']['LayerImage'];
      job: string;
      job_id: string;
      job_type: string | null;
      layer: string;
      layer_id: string;
      layer_index: number;
      lifetime?: components['schemas']['LayerSums'];
      log: components['schemas']['LayerLogEntry'][];
      log_count: number;
      memory_bytes: number | null;
      number: string;
      paths_os: string | null;
      priority: number;
      project: string;
      ps_cost?: string | null;
      queue_id: string;
      render_ms: number;
      reset_at: number | null;
      resets: number;
      scene: string | null;
      scene_database: string | null;
      scene_os: string | null;
      scene_state: string | null;
      scene_take: string | null;
      sent: number;
      sequence: string;
      server_error_count: number;
      short_id: string;
      shot: string;
      simulated?: boolean;
      started_at: number | null;
      state: string;
      status: string;
      submit_machine: string;
      submitted_at: number;
      tracker_id: string | null;
      usage?: components['schemas']['LayerUsage'];
      user: string;
      version: string;
      workers: components['schemas']['LayerWorker'][];
    };
    /** HistoryRow */
    HistoryRow: {
      aborted: number;
      aov: string | null;
      app: components['schemas']['RenderApp'];
      camera: string | null;
      changed_at: number;
      color: string | null;
      cost?: string | null;
      crashed: number;
      current?: components['schemas']['LayerSums'];
      custom_scene: string | null;
      errors: number;
      farm_id: string;
      finished_at: number | null;
      first_finished_at: number | null;
      frames: components['schemas']['LayerFrames'];
      image: components['schemas']['LayerImage'];
      job: string;
      job_id: string;
      job_type: string | null;
      layer: string;
      layer_id: string;
      layer_index: number;
      lifetime?: components['schemas']['LayerSums'];
      memory_bytes: number | null;
      number: string;
      paths_os: string | null;
      priority: number;
      project: string;
      ps_cost?: string | null;
      queue_id: string;
      render_ms: number;
      reset_at: number | null;
      resets: number;
      scene: string | null;
      scene_database: string | null;
      scene_os: string | null;
      scene_state: string | null;
      scene_take: string | null;
      sent: number;
      sequence: string;
      short_id: string;
      shot: string;
      started_at: number | null;
      state: string;
      status: string;
      submit_machine: string;
      submitted_at: number;
      tracker_id: string | null;
      usage?: components['schemas']['LayerUsage'];
      user: string;
      version: string;
    };
    /**
     * Home
     * @description Which page `/` is.
     * @enum {string}
     */
    Home: 'artist' | 'wrangler' | 'admin' | 'finance';
    /** HookBody */
    HookBody: {
      command?: string[];
      events: (
        | 'job_submitted'
        | 'first_frame'
        | 'first_failure'
        | 'job_succeeded'
        | 'job_failed'
        | 'job_canceled'
        | 'worker_quarantined'
        | 'budget_reached'
      )[];
      name: string;
      /** @default  */
      url: string;
    };
    /** HookMade */
    HookMade: {
      hook_id: string;
      secret: string;
    };
    /** HookRow */
    HookRow: {
      created_at: number;
      created_by: string;
      events: string[];
      hook_id: string;
      kind: string;
      last_error: string;
      name: string;
      target: string;
      waiting: number;
    };
    /** Hooks */
    Hooks: {
      hooks: components['schemas']['HookRow'][];
      messages: components['schemas']['MessageRow'][];
    };
    /** InboxAction */
    InboxAction: {
      /** @default false */
      apply: boolean;
      assignee?: string | null;
      clusters: string[];
      fix: components['schemas']['Fix'];
      jobs?: string[] | null;
      until_at?: number | null;
      workers?: string[] | null;
    };
    /** InboxAnswer */
    InboxAnswer: {
      clear_since_at: number | null;
      clusters: components['schemas']['Cluster'][];
      deeds: components['schemas']['DeedRow'][];
      handled: number;
      lost_ms: number;
      now: number;
      open: number;
      snoozed: number;
    };
    /** InboxOutcome */
    InboxOutcome: {
      applied: boolean;
      clusters: components['schemas']['ClusterOutcome'][];
      fix: string;
      text: string;
    };
    /**
     * JobAction
     * @description What can be done to a job.
     * @enum {string}
     */
    JobAction: 'requeue' | 'pause' | 'stop' | 'resume' | 'cancel' | 'priority' | 'reset' | 'delete';
    /** JobAfter */
    JobAfter: {
      jobs: string[];
    };
    /** JobAnswer */
    JobAnswer: {
      job_id: string;
      layers: components['schemas']['LayerAnswer'][];
      name: string;
      priority: number;
      reason: string;
      status: string;
      text: string;
    };
    /** JobAttempt */
    JobAttempt: {
      action_id: string;
      assigned_at: number | null;
      attempt: number | null;
      cause: string | null;
      ended_at: number | null;
      error_class: string | null;
      error_rule: string | null;
      error_text: string | null;
      exit_code: number | null;
      frame_count: number | null;
      frames: string | null;
      frames_seen: number | null;
      layer_id: string | null;
      layer_name: string | null;
      session_id: string;
      started_at: number | null;
      status: string;
      superseded: boolean | null;
      task_index: number | null;
      worker: string;
      worker_ended_at: number | null;
      worker_id: string;
      worker_started_at: number | null;
    };
    /** JobAttempts */
    JobAttempts: {
      attempts: components['schemas']['JobAttempt'][];
      matched: number;
      of: number;
      simulated?: boolean;
    };
    /** JobConsequence */
    JobConsequence: {
      again: number;
      done: number;
      job_id: string;
      lost_ms: number;
      name: string;
      priority: number;
      project: string;
      running: number;
      status: string;
      user: string;
      waiting: number;
    };
    /** JobDetail */
    JobDetail: {
      app?: string | null;
      attributes: {
        [key: string]: string;
      };
      because?: string | null;
      books_answered: boolean;
      cost?: string | null;
      counts: {
        [key: string]: number;
      };
      created_at: number;
      description: string;
      ended_at: number | null;
      errors: components['schemas']['ErrorRow'][];
      frames_done: number;
      frames_total: number;
      job_id: string;
      layers: components['schemas']['LayerRow'][];
      lifecycle_status: string;
      name: string;
      parameters: {
        [key: string]: {
          [key: string]: unknown;
        };
      };
      priority: number;
      project: string;
      /** @default  */
      queue: string;
      queue_id: string;
      sequence?: string | null;
      shot?: string | null;
      started_at: number | null;
      status: string;
      /** @default 0 */
      tasks_failed: number;
      /** @default 0 */
      tasks_running: number;
      tasks_total: number;
      user: string;
      waits?: string | null;
    };
    /** JobEvent */
    JobEvent: {
      actor: string;
      at: number;
      detail: string;
      event_id: string;
      layer: string | null;
      layer_id: string | null;
      name: string;
      new: string | null;
      number: number | null;
      old: string | null;
      subject: string;
      subject_id: string;
      worker: string | null;
      worker_id: string | null;
    };
    /** JobEvents */
    JobEvents: {
      events: components['schemas']['JobEvent'][];
      matched: number;
      of: number;
      simulated?: boolean;
    };
    /** JobFrames */
    JobFrames: {
      frames: components['schemas']['FrameRecord'][];
      job_id: string;
      layers: components['schemas']['FramesOfLayer'][];
    };
    /** JobNumbers */
    JobNumbers: {
      failed: number;
      rendering: number;
      waiting: number;
    };
    /** JobReport */
    JobReport: {
      attempts: components['schemas']['ReportAttempt'][];
      chunks: number;
      created_at: number;
      done_percent: number;
      elapsed: string | null;
      ended_at: number | null;
      error_percent: number;
      events: components['schemas']['ReportEvent'][];
      halted_percent: number;
      job_id: string;
      layers: components['schemas']['ReportLayer'][];
      mean_frame_seconds: number | null;
      name: string;
      priority: number;
      project: string;
      queued_percent: number;
      rank: number | null;
      reason: string;
      rendering_percent: number;
      started_at: number | null;
      status: string;
      task_run_status: string;
      user: string;
    };
    /** JobRow */
    JobRow: {
      app?: string | null;
      because?: string | null;
      cost?: string | null;
      counts: {
        [key: string]: number;
      };
      created_at: number;
      ended_at: number | null;
      frames_done: number;
      frames_total: number;
      job_id: string;
      lifecycle_status: string;
      name: string;
      priority: number;
      project: string;
      /** @default  */
      queue: string;
      queue_id: string;
      sequence?: string | null;
      shot?: string | null;
      started_at: number | null;
      status: string;
      /** @default 0 */
      tasks_failed: number;
      /** @default 0 */
      tasks_running: number;
      tasks_total: number;
      user: string;
      waits?: string | null;
    };
    /** JobWaits */
    JobWaits: {
      waits_for: string[];
    };
    /** JobsAction */
    JobsAction: {
      action: components['schemas']['JobAction'];
      /** @default false */
      apply: boolean;
      priority?: number | null;
      select: components['schemas']['Selection'];
    };
    /** KeptTable */
    KeptTable: {
      declared_days: number | null;
      kept_days: number | null;
      kept_hours: number | null;
      lasting: boolean;
      set: boolean;
      table: string;
    };
    /** KeyRow */
    KeyRow: {
      created_at: number;
      key_id: string;
      revoked: boolean;
    };
    /** KnownDay */
    KnownDay: {
      day: string;
      hours: number;
    };
    /** LayerAhead */
    LayerAhead: {
      earlier_tasks_seen: number;
      layer_id: string;
      left: number;
      name: string;
      running: number;
      tasks_seen: number;
    };
    /** LayerAnswer */
    LayerAnswer: {
      funnel: components['schemas']['Step'][];
      layer_id: string;
      layers_before: number;
      name: string;
      pending: number;
      priority_to_be_first: number | null;
      ready: number;
      reason: string;
      running: number;
      suspended: number;
      tasks_before: number;
      text: string;
      what_if: components['schemas']['WhatIf'][];
      workers: components['schemas']['WorkerAnswer'][];
      workers_left_out: number;
    };
    /** LayerError */
    LayerError: {
      action_id: string;
      at: number;
      by_server: boolean;
      class: string;
      frames: string | null;
      machine: number;
      text: string;
      what: number;
      worker: string;
      worker_id: string;
    };
    /** LayerErrors */
    LayerErrors: {
      errors: components['schemas']['LayerError'][];
      server_errors: number;
      simulated?: boolean;
    };
    /** LayerFrames */
    LayerFrames: {
      end: number | null;
      file_offset: number;
      frame_set: string | null;
      start: number | null;
      step: number | null;
      sub_frames: number | null;
      tiles: number;
      total: number | null;
      total_frame_set: number | null;
      total_one_tile: number | null;
    };
    /** LayerImage */
    LayerImage: {
      aa_percent: number | null;
      dir: string | null;
      extension: string | null;
      height: number | null;
      is_data: boolean;
      name: string | null;
      name_variables: string | null;
      padding: number | null;
      single_file: boolean;
      tiles: number;
      width: number | null;
    };
    /** LayerLog */
    LayerLog: {
      log: components['schemas']['LayerLogEntry'][];
      simulated?: boolean;
    };
    /** LayerLogEntry */
    LayerLogEntry: {
      at: number;
      by: string;
      frame_end: number | null;
      frame_start: number | null;
      frame_step: number | null;
      frames_missing: number | null;
      machine: number;
      status: number;
      text: string;
      times: number;
      what: number;
      what_name: string;
      who: string;
      workers_rendering: number;
    };
    /** LayerRow */
    LayerRow: {
      attributes: {
        [key: string]: string;
      };
      counts: {
        [key: string]: number;
      };
      depends_on: string[];
      ended_at: number | null;
      frame_count: number | null;
      layer_id: string;
      mean_frame_ms?: number | null;
      name: string;
      started_at: number | null;
      status: string;
      task_count: number;
    };
    /** LayerSums */
    LayerSums: {
      aborted: number;
      crashed: number;
      frames_returned: number;
      ghz_hours: number | null;
      ps_seconds: number;
      render_ms: number;
      sent: number;
      wall_ms: number;
      watt_seconds: number | null;
    };
    /** LayerTime */
    LayerTime: {
      finished_at: number;
      frame_kps_seconds: number | null;
      frame_seconds: number | null;
      frames: number;
      job: string;
      job_id: string;
      layer_id: string;
      max_cores: number | null;
      max_memory_bytes: number | null;
      mean_ps: number | null;
      minutes_to_frames_done: number;
    };
    /** LayerTimeList */
    LayerTimeList: {
      added: number;
      entries: components['schemas']['LayerTime'][];
      last_used_at: number;
      layer: string;
      project: string;
      render_type: string;
    };
    /** LayerTimes */
    LayerTimes: {
      lists: components['schemas']['LayerTimeList'][];
      saved_at: number;
      simulated?: boolean;
    };
    /** LayerUsage */
    LayerUsage: {
      max_cores: number | null;
      max_cpu: number | null;
      max_memory_bytes: number | null;
      max_traffic_bytes: number | null;
      mean_frame_ms: number | null;
      mean_ps: number | null;
      mean_workers: number | null;
      min_cpu: number | null;
      min_traffic_bytes: number | null;
    };
    /** LayerWorker */
    LayerWorker: {
      aborted: number;
      assigned: boolean;
      crashed: number;
      index: number | null;
      render_ms: number;
      sent: number;
      worker: string;
      worker_id: string;
    };
    /**
     * Level
     * @description The four levels of a membership, spelled as Deadline Cloud's model spells them.
     * @enum {string}
     */
    Level: 'VIEWER' | 'CONTRIBUTOR' | 'MANAGER' | 'OWNER';
    /** LicenceLineBody */
    LicenceLineBody: {
      apps: string[];
      limit?: number | null;
      per_hour: string;
      product: string;
      region?: string | null;
      /**
       * @default thread_hour
       * @enum {string}
       */
      unit: 'thread_hour' | 'worker_hour';
    };
    /** LicenceMinutes */
    LicenceMinutes: {
      rows: components['schemas']['LicenceUse'][];
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
    };
    /** LicencePoolRow */
    LicencePoolRow: {
      app: string;
      plugin: string;
      regions: {
        [key: string]: components['schemas']['RegionTerms'];
      };
      updated_at: number | null;
      updated_by: string | null;
      version: string;
    };
    /** LicenceServerRow */
    LicenceServerRow: {
      answered_at: number | null;
      app: string;
      failing_since_at: number | null;
      others: number | null;
      plugin: string;
      problem: string;
      region: string;
      seats: number | null;
      version: string;
    };
    /** LicenceUse */
    LicenceUse: {
      at_limit_minutes: number | null;
      denied_attempts: number;
      denied_minutes: number;
      in_use_minutes: number;
      limit: number | null;
      most_in_use: number;
      product: string;
    };
    /** LicencesAnswer */
    LicencesAnswer: {
      currency: string;
      pools: components['schemas']['LicencePoolRow'][];
      servers: components['schemas']['LicenceServerRow'][];
      simulated?: boolean;
    };
    /** LinesAccepted */
    LinesAccepted: {
      accepted: number;
      refused: number;
    };
    /** LinesPruned */
    LinesPruned: {
      dry_run: boolean;
      first_at: number | null;
      hours: number;
      lines: number;
      simulated?: boolean;
    };
    /** LinesReplaced */
    LinesReplaced: {
      changed: boolean;
      rows_after: number;
      rows_before: number;
    };
    /** LogAbout */
    LogAbout: {
      attempt: number | null;
      attempts: components['schemas']['LogAttempt'][];
      cut: [number, number] | null;
      grows: boolean;
      lines: number;
      size: number;
    };
    /** LogAttempt */
    LogAttempt: {
      action_id: string;
      attempt: number;
      class: string | null;
      ended_at: number | null;
      exit_code: number | null;
      session_id: string;
      started_at: number | null;
      status: string;
      text: string;
      worker: string;
      worker_id: string;
    };
    /** LogRows */
    LogRows: {
      at: (number | null)[];
      cut: number[];
      grows: boolean;
      lines: number;
      number: number[];
      text: (string | null)[];
    };
    /** LogSize */
    LogSize: {
      size: number;
    };
    /** LogWindow */
    LogWindow: {
      at: (number | null)[];
      cut: number[];
      first: number;
      grows: boolean;
      lines: number;
      text: (string | null)[];
    };
    /** LoginLink */
    LoginLink: {
      url: string;
    };
    /** LongestGap */
    LongestGap: {
      kind: string;
      machine: string;
      millis: number;
      stream: string;
    };
    /** MachinePower */
    MachinePower: {
      booted_ms: number | null;
      booting_since_at: number | null;
      name: string;
      order: string | null;
      ordered_at: number | null;
      ordered_by: string | null;
      started_at: number | null;
      status: string;
      wake_at: number | null;
      wake_tries: number;
      worker_id: string;
    };
    /** MachineSamples */
    MachineSamples: {
      at: number[];
      coverage_ms: number[];
      cpu_milli: (number | null)[];
      gpu_milli: (number | null)[];
      index: number[];
      memory_total_bytes: (number | null)[];
      memory_used_bytes: (number | null)[];
      net_in_bytes: (number | null)[];
      net_in_max_bytes_per_s: (number | null)[];
      net_out_bytes: (number | null)[];
      temperature_milli_c: (number | null)[];
      user_logged_in: (boolean | null)[];
    };
    /** Me */
    Me: {
      /** @default false */
      has_password: boolean;
      /** @default artist */
      home: string;
      /** @default false */
      home_chosen: boolean;
      memberships?: components['schemas']['Held'][];
      name: string;
      now: number;
      role: string;
      worker_id?: string | null;
    };
    /** MembershipBody */
    MembershipBody: {
      level: components['schemas']['Level'] | null;
      place?: components['schemas']['Place'];
      target_id?: string | null;
    };
    /** MembershipRow */
    MembershipRow: {
      created_at: number;
      created_by: string;
      farm_id: string;
      level: string;
      place: string;
      target_id: string;
      user_name: string;
    };
    /** Memberships */
    Memberships: {
      memberships: components['schemas']['MembershipRow'][];
    };
    /** MessageBody */
    MessageBody: {
      /** @default 600 */
      digest_seconds: number;
      /**
       * @default [
       *       "first_failure",
       *       "job_succeeded",
       *       "job_failed"
       *     ]
       */
      events: (
        | 'job_submitted'
        | 'first_frame'
        | 'first_failure'
        | 'job_succeeded'
        | 'job_failed'
        | 'job_canceled'
      )[];
      quiet?: [number, number] | null;
      to: string[];
    };
    /** MessageRow */
    MessageRow: {
      digest_seconds: number;
      events: string[];
      quiet: [number, number] | null;
      to: string[];
      told_at: number | null;
      user: string;
    };
    /** MonthRow */
    MonthRow: {
      cost: string | null;
      end_at: number;
      example: boolean | null;
      frozen_at: number | null;
      frozen_by: string | null;
      lines: number | null;
      month: string;
      postings: components['schemas']['Posting'][];
      start_at: number;
      status: string;
    };
    /** MonthsAnswer */
    MonthsAnswer: {
      begins_at: number | null;
      currency: string;
      files: string[];
      months: components['schemas']['MonthRow'][];
      open_month: string;
      simulated?: boolean;
    };
    /** MoveBody */
    MoveBody: {
      amount?: string | null;
      reason: string;
      to: {
        [key: string]: string;
      };
      where: string;
    };
    /** Movie */
    Movie: {
      layer_id: string;
      name: string;
      number: number;
      size: number;
      task_index: number;
    };
    /** Movies */
    Movies: {
      movies: components['schemas']['Movie'][];
    };
    /** MyChange */
    MyChange: {
      home: components['schemas']['Home'];
    };
    /** MyPassword */
    MyPassword: {
      /** @default  */
      current: string;
      password: string;
    };
    /** Named */
    Named: {
      count: number;
      id: string;
      name: string;
    };
    /** NamedFleet */
    NamedFleet: {
      fleet_id: string;
      name: string;
    };
    /** NamedQueue */
    NamedQueue: {
      name: string;
      queue_id: string;
    };
    /** NewKey */
    NewKey: {
      key_id: string;
      secret: string;
    };
    /** NewUser */
    NewUser: {
      farm_id?: string | null;
      name: string;
      /**
       * @default member
       * @enum {string}
       */
      role: 'owner' | 'member' | 'worker';
    };
    /**
     * Outcome
     * @description What a neighbour met when it hailed a worker.
     * @enum {string}
     */
    Outcome: 'answered' | 'silent' | 'refused' | 'unreached';
    /** OverheadLineBody */
    OverheadLineBody: {
      name: string;
      /**
       * @default house
       * @enum {string}
       */
      payer: 'client' | 'house';
      per_month?: string | null;
      percent?: string | null;
    };
    /** Overview */
    Overview: {
      farm: components['schemas']['FarmRow'];
      fleets: components['schemas']['NamedFleet'][];
      jobs: components['schemas']['JobRow'][];
      now: number;
      number: number;
      queues: components['schemas']['NamedQueue'][];
      workers: components['schemas']['WorkerRow'][];
    };
    /** Packed */
    Packed: {
      changed: components['schemas']['PackedRows'];
      columns: {
        [key: string]: {
          [key: string]: unknown;
        };
      };
      complete: boolean;
      fields: {
        [key: string]: unknown;
      }[];
      gone: string[];
      ids: {
        [key: string]: unknown;
      };
      now: number;
      number: number;
      rows: number;
      total: number;
      zone: string;
    };
    /** PackedRows */
    PackedRows: {
      columns: {
        [key: string]: {
          [key: string]: unknown;
        };
      };
      ids: {
        [key: string]: unknown;
      };
      rows: number;
    };
    /** PageFile */
    PageFile: {
      bytes: number;
      name: string;
      sha256: string;
    };
    /** PageFiles */
    PageFiles: {
      data_until_at: number | null;
      drawn_at: number | null;
      files: components['schemas']['PageFile'][];
      simulated?: boolean;
    };
    /** PagesBody */
    PagesBody: {
      /** @default false */
      dry_run: boolean;
      groups?: components['schemas']['GroupBody'][] | null;
      /** @default 15 */
      latency_limit_seconds: number;
      /** @default 300 */
      most: number;
      /** @default 2 */
      workers: number;
    };
    /** PagesDrawn */
    PagesDrawn: {
      data_until_at: number | null;
      drawn: string[];
      kept: number;
      left: number;
      pages: string[];
      removed: string[];
      simulated?: boolean;
    };
    /** PasswordBody */
    PasswordBody: {
      password: string | null;
    };
    /**
     * Place
     * @description What a membership is of.
     * @default farm
     * @enum {string}
     */
    Place: 'farm' | 'queue' | 'job';
    /** Policy */
    Policy: {
      /** @default 1 */
      margin: number;
      preempt?: components['schemas']['Preempt'];
      reserve?: components['schemas']['Reserve'];
    };
    /** PoolBody */
    PoolBody: {
      app: string;
      /** @default  */
      plugin: string;
      regions: {
        [key: string]: components['schemas']['RegionBody'] | null;
      };
      /** @default  */
      version: string;
    };
    /** Posting */
    Posting: {
      corrects: string | null;
      created_at: number;
      created_by: string;
      kind: string;
      lines: number;
      posting_id: string;
      reason: string;
    };
    /** PostingAnswer */
    PostingAnswer: {
      lines: number;
      month: string;
      posting_id: string;
    };
    /** Power */
    Power: {
      machines: components['schemas']['MachinePower'][];
      policies: components['schemas']['PowerPolicy'][];
    };
    /** PowerPolicy */
    PowerPolicy: {
      /** @default 255.255.255.255 */
      address: string;
      /** @default 600 */
      boot_seconds: number;
      even_logged_in?: boolean | null;
      farm_id: string;
      /** @default always */
      hours: string;
      /** @default 0 */
      keep_on: number;
      /** @default 9 */
      port: number;
      restart_up_seconds?: number | null;
      scope: string;
      shutdown_idle_seconds?: number | null;
      updated_at: number;
      updated_by: string;
      /** @default false */
      wake: boolean;
      /** @default 10 */
      wake_most: number;
      /** @default 3 */
      wake_tries: number;
    };
    /** PowerPolicyBody */
    PowerPolicyBody: {
      /** @default 255.255.255.255 */
      address: string;
      /** @default 600 */
      boot_seconds: number;
      /** @default false */
      even_logged_in: boolean;
      /** @default always */
      hours: string;
      /** @default 0 */
      keep_on: number;
      /** @default 9 */
      port: number;
      restart_up_seconds?: number | null;
      shutdown_idle_seconds?: number | null;
      /** @default false */
      wake: boolean;
      /** @default 10 */
      wake_most: number;
      /** @default 3 */
      wake_tries: number;
    };
    /**
     * Preempt
     * @description What happens to work when something more urgent waits for its thread.
     * @default after_frame
     * @enum {string}
     */
    Preempt: 'off' | 'after_frame' | 'now';
    /** PruneBody */
    PruneBody: {
      /** @default false */
      dry_run: boolean;
      until: number;
    };
    /** PublicationAnswer */
    PublicationAnswer: {
      publication_id: string;
      token: string;
      url: string;
    };
    /** PublicationBody */
    PublicationBody: {
      name: string;
      streams?: string[];
    };
    /** PublicationRow */
    PublicationRow: {
      created_at: number;
      created_by: string;
      name: string;
      publication_id: string;
      revoked_at: number | null;
      revoked_by: string | null;
      streams: string[];
    };
    /** PublicationRows */
    PublicationRows: {
      publications: components['schemas']['PublicationRow'][];
    };
    /** RateCardBody */
    RateCardBody: {
      discounts?: components['schemas']['DiscountBody'][];
      energy?: components['schemas']['EnergyLineBody'][];
      /** @default false */
      example: boolean;
      /**
       * @default apart
       * @enum {string}
       */
      idle: 'apart' | 'allocated';
      licences?: components['schemas']['LicenceLineBody'][];
      lines?: components['schemas']['RateLineBody'][];
      name: string;
      overheads?: components['schemas']['OverheadLineBody'][];
      payers?: {
        [key: string]: 'client' | 'house';
      };
      sell?: components['schemas']['SellBody'] | null;
      valid_from?: number | null;
    };
    /** RateCardRow */
    RateCardRow: {
      card_id: string;
      created_at: number;
      created_by: string;
      discounts: components['schemas']['DiscountBody'][];
      energy: components['schemas']['EnergyLineBody'][];
      example: boolean;
      idle: string;
      licences: components['schemas']['LicenceLineBody'][];
      lines: components['schemas']['RateLineBody'][];
      name: string;
      overheads: components['schemas']['OverheadLineBody'][];
      payers: {
        [key: string]: string;
      };
      sell: components['schemas']['SellBody'] | null;
      valid_from: number;
    };
    /** RateCards */
    RateCards: {
      rate_cards: components['schemas']['RateCardRow'][];
    };
    /** RateLineBody */
    RateLineBody: {
      app?: string | null;
      fleet_id?: string | null;
      line_id?: string | null;
      per_hour: string;
      region?: string | null;
      /** @enum {string} */
      unit: 'worker_hour' | 'thread_hour' | 'ps_hour';
    };
    /** ReceiptAnswer */
    ReceiptAnswer: {
      accounts: components['schemas']['AccountTimes'];
      cost: components['schemas']['ReceiptCost'] | null;
      frames: components['schemas']['ReceiptFrames'];
      machine_seconds: number;
      machines: number;
      outputs: string[];
      seconds_each: number;
      simulated?: boolean;
      slowest: components['schemas']['SlowestFrame'] | null;
      span: components['schemas']['TimeSpan'];
      unaccounted_ms: number;
      wall_ms: number;
    };
    /** ReceiptCost */
    ReceiptCost: {
      by_layer: components['schemas']['CostPart'][];
      by_worker: components['schemas']['CostPart'][];
      currency: string;
      example: boolean;
      total: string;
    };
    /** ReceiptFrames */
    ReceiptFrames: {
      failed_attempts: number;
      rendered: number;
    };
    /** RefusedFact */
    RefusedFact: {
      index: number;
      message: string;
      table: string;
    };
    /** RegionBody */
    RegionBody: {
      /** @default 0 */
      cost: string;
      /** @default 0 */
      count: number;
      /** @default false */
      unlimited: boolean;
    };
    /** RegionTerms */
    RegionTerms: {
      cost: string;
      count: number;
      in_use: number;
      is_set: boolean;
      unlimited: boolean;
    };
    /** RenderApp */
    RenderApp: {
      execute_type: string;
      name: string;
      render_type: string;
      renderer: string;
      renderer_version: string | null;
      variant: string | null;
      version: string;
      version_minor: string | null;
    };
    /** ReplayBody */
    ReplayBody: {
      event_id?: string | null;
      hours?: number | null;
    };
    /** Replayed */
    Replayed: {
      replayed: number;
    };
    /** ReportAnswer */
    ReportAnswer: {
      by: string[];
      columns: components['schemas']['ReportColumn'][];
      currency: string;
      facts: {
        [key: string]: unknown;
      };
      matched: number;
      notes: string[];
      report: string;
      rows: {
        [key: string]: string | number | null;
      }[];
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
      title: string;
      totals: {
        [key: string]: string | number | null;
      } | null;
      where: string;
    };
    /** ReportAttempt */
    ReportAttempt: {
      action_id: string;
      attempt: number | null;
      cause: string;
      elapsed: string;
      ended_at: number | null;
      error_class: string | null;
      error_lines: components['schemas']['ReportLine'][];
      error_rule: string | null;
      error_text: string | null;
      exit_code: number | null;
      frames: string | null;
      layer: string;
      mean_frame_seconds: number | null;
      output: components['schemas']['ReportLine'][];
      output_lines: number | null;
      session_id: string;
      started_at: number;
      status: string;
      task_index: number;
      worker: string;
    };
    /** ReportColumn */
    ReportColumn: {
      /** @default  */
      meaning: string;
      name: string;
      /** @enum {string} */
      unit: 'text' | 'count' | 'ms' | 'bytes' | 'share' | 'ratio' | 'number' | 'money' | 'instant';
    };
    /** ReportEvent */
    ReportEvent: {
      at: number;
      by: string;
      detail: string;
      event_id: string;
      name: string;
      new: string | null;
      old: string | null;
      subject: string;
      subject_id: string;
      worker: string | null;
    };
    /** ReportField */
    ReportField: {
      kind: string;
      meaning: string;
      name: string;
    };
    /** ReportKind */
    ReportKind: {
      by: string[];
      fields: components['schemas']['ReportField'][];
      groups: string[];
      name: string;
      title: string;
    };
    /** ReportKinds */
    ReportKinds: {
      reports: components['schemas']['ReportKind'][];
      simulated?: boolean;
    };
    /** ReportLayer */
    ReportLayer: {
      chunks: number;
      done_percent: number;
      error_percent: number;
      halted_percent: number;
      layer_id: string;
      mean_frame_seconds: number | null;
      name: string;
      queued_percent: number;
      rank: number | null;
      rendering_percent: number;
      status: string;
      tasks_before: number;
    };
    /** ReportLine */
    ReportLine: {
      error_class?: string | null;
      number: number;
      text: string;
    };
    /** ReportResult */
    ReportResult: {
      result: string;
    };
    /** ReportScheduleBody */
    ReportScheduleBody: {
      by?: string | null;
      /** @enum {string} */
      every: 'day' | 'week' | 'month';
      /**
       * @default csv
       * @enum {string}
       */
      format: 'csv' | 'json' | 'parquet' | 'xlsx';
      limit?: number | null;
      /** @default 420 */
      minute: number;
      name: string;
      report: string;
      to: string;
      /** @default 0 */
      weekday: number;
      where?: string | null;
    };
    /** ReportScheduleId */
    ReportScheduleId: {
      schedule_id: string;
    };
    /** ReportScheduleRow */
    ReportScheduleRow: {
      by: string | null;
      created_at: number;
      created_by: string;
      every: string;
      format: string;
      last_ok: boolean | null;
      last_result: string;
      last_run_at: number | null;
      limit: number | null;
      minute: number;
      name: string;
      next_at: number;
      report: string;
      schedule_id: string;
      to: string;
      weekday: number;
      where: string | null;
    };
    /** ReportSchedules */
    ReportSchedules: {
      report_schedules: components['schemas']['ReportScheduleRow'][];
    };
    /**
     * Reserve
     * @description What is kept for a session beside what its layer demands.
     * @default memory
     * @enum {string}
     */
    Reserve: 'demanded' | 'memory' | 'all';
    /** RetentionBody */
    RetentionBody: {
      /** @default false */
      as_declared: boolean;
      days?: number | null;
    };
    /** RetentionRows */
    RetentionRows: {
      tables: components['schemas']['KeptTable'][];
      updated_at: number | null;
      updated_by: string | null;
    };
    /** RingAnswer */
    RingAnswer: {
      columns: {
        [key: string]: (boolean | number | null)[];
      };
      last_saved_at: number | null;
      now: number;
      ring: string;
      simulated?: boolean;
      slots_per_day: number;
      span: components['schemas']['TimeSpan'];
      step_seconds: number;
      zone: string;
    };
    /** RingRows */
    RingRows: {
      known_until: number;
      machines: number;
      simulated?: boolean;
      sources: components['schemas']['RingSource'][];
      starts_at: number[];
      step_seconds: number;
    };
    /** RingSource */
    RingSource: {
      average?: (number | null)[];
      ds_type: string;
      known_seconds: (number | null)[];
      label: string;
      last?: (number | null)[];
      maximum?: (number | null)[];
      mean?: (number | null)[];
      minimum?: (number | null)[];
      total: (number | null)[];
    };
    /** RingsFed */
    RingsFed: {
      damaged: string[];
      late: number;
      series: number;
      simulated?: boolean;
      streams: number;
    };
    /** RrdBody */
    RrdBody: {
      totals?: {
        [key: string]: unknown;
      } | null;
      xml: string;
    };
    /** RrdImported */
    RrdImported: {
      last_at: number;
      name: string;
      rows: number;
      simulated?: boolean;
    };
    /** SamplesAnswer */
    SamplesAnswer: {
      columns: {
        [key: string]: (string | number | null)[];
      };
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
      step_ms: number;
    };
    /** Selection */
    Selection: {
      app?: string | null;
      jobs?: string[];
      priority_from?: number | null;
      priority_to?: number | null;
      project?: string | null;
      queue?: string | null;
      statuses?: string[];
      text?: string | null;
      user?: string | null;
    };
    /** SellBody */
    SellBody: {
      client: string;
      /** @default 0 */
      markup_percent: string;
      projects: string[];
    };
    /** SeriesBody */
    SeriesBody: {
      /** @default janitoo */
      archives: string | string[];
      heartbeat_seconds?: number | null;
      sources: components['schemas']['SourceBody'][];
      /** @default 300 */
      step_seconds: number;
    };
    /** SeriesChange */
    SeriesChange: {
      changed: boolean;
      name: string;
    };
    /** SeriesRow */
    SeriesRow: {
      archives: string[];
      created_at: number;
      created_by: string;
      heartbeat_seconds: number;
      name: string;
      profile: string;
      sources: components['schemas']['DataSource'][];
      step_seconds: number;
      updated_at: number | null;
      updated_by: string | null;
    };
    /** SeriesRows */
    SeriesRows: {
      series: components['schemas']['SeriesRow'][];
    };
    /** SeriesTotals */
    SeriesTotals: {
      step_seconds: number;
      tiers: components['schemas']['TierTotals'][];
      version: number;
    };
    /** ShareBody */
    ShareBody: {
      max_threads?: number | null;
      weight?: number | null;
    };
    /** ShareRow */
    ShareRow: {
      kind: string;
      level: number;
      max_threads: number | null;
      name: string;
      recent_hours: number;
      threads: number;
      weight: number;
    };
    /** Shares */
    Shares: {
      shares: components['schemas']['ShareRow'][];
    };
    /** SignInRow */
    SignInRow: {
      address: string;
      browser: string;
      created_at: number;
      expires_at: number;
      how: string;
      sign_in_id: string;
      this: boolean;
    };
    /** SignIns */
    SignIns: {
      sign_ins: components['schemas']['SignInRow'][];
    };
    /** SimulatedFolder */
    SimulatedFolder: {
      folder: string;
    };
    /** SlotFigures */
    SlotFigures: {
      count: number | null;
      least: components['schemas']['Extreme'] | null;
      max: number | null;
      mean: number | null;
      median: number | null;
      min: number | null;
      most: components['schemas']['Extreme'] | null;
      total: number | null;
    };
    /** SlotTotal */
    SlotTotal: {
      total: number | null;
    };
    /** SlotsAnswer */
    SlotsAnswer: {
      day: string;
      rows: {
        [key: string]: string | (number | null)[];
      }[];
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
      starts_at: number[][];
      subject: string;
      valid: boolean[];
      zone: string;
    };
    /** SlowestFrame */
    SlowestFrame: {
      frame: number;
      layer: string;
      render_ms: number;
      why: string;
      worker: string;
    };
    /** SourceBody */
    SourceBody: {
      /** @default  */
      address: string;
      ds_type?: components['schemas']['DsType'];
      label: string;
      maximum?: number | null;
      minimum?: number | null;
      /** @default  */
      value_id: string;
      /** @default 0 */
      value_index: number;
    };
    /** StatementAnswer */
    StatementAnswer: {
      amounts: string;
      attempts: number;
      by: string[];
      client: string | null;
      currency: string;
      end_at: number | null;
      example: boolean;
      farm: string;
      farm_id: string;
      frozen_at: number | null;
      frozen_by: string | null;
      line_rows:
        | {
            [key: string]: unknown;
          }[]
        | null;
      lines: number;
      month: string;
      payers: components['schemas']['StatementTable'];
      rows: components['schemas']['StatementTable'];
      sessions: number;
      simulated: boolean;
      start_at: number | null;
      status: string;
      thread_ms: number;
      waste: components['schemas']['StatementTable'];
      zone: string;
    };
    /** StatementTable */
    StatementTable: {
      amount: string | null;
      columns: string[];
      machine_ms: number;
      printed: string | null;
      rows: (string | number | null)[][];
    };
    /** Step */
    Step: {
      reached: number;
      reason: string;
      stopped: number;
      text: string;
    };
    /** StreamHour */
    StreamHour: {
      bytes: number | null;
      content: string;
      errors: number;
      first_at: number;
      kind: string;
      last_at: number;
      lines: number;
      machine: string;
      start_at: number;
      stream: string;
    };
    /** StreamHours */
    StreamHours: {
      hours: components['schemas']['StreamHour'][];
      simulated?: boolean;
    };
    /** StreamNamesAnswer */
    StreamNamesAnswer: {
      farm: string;
      machines: string[];
      measures: string[];
      simulated?: boolean;
      streams: [string | null, string][];
      zone: string;
    };
    /** StreamRing */
    StreamRing: {
      archives: string[];
      byte_count: number;
      first_at: number;
      kind: string | null;
      last_at: number;
      machine: string | null;
      problems: string[];
      sequence: number;
      series: string | null;
      sources: number;
      step_seconds: number;
      stream: string | null;
    };
    /** StreamRings */
    StreamRings: {
      rings: components['schemas']['StreamRing'][];
      simulated?: boolean;
    };
    /** StreamRow */
    StreamRow: {
      bytes: number | null;
      errors: number;
      first_at: number;
      kind: string;
      last_at: number;
      lines: number;
      machine: string;
      stream: string;
    };
    /** StreamSlot */
    StreamSlot: {
      bytes?: components['schemas']['SlotFigures'];
      coverage_ms: number;
      errors?: components['schemas']['SlotTotal'];
      files?: components['schemas']['SlotTotal'];
      kind: string | null;
      late?: components['schemas']['SlotTotal'];
      latency?: components['schemas']['SlotFigures'];
      slot_at: number;
      stream: string;
    };
    /** StreamSlots */
    StreamSlots: {
      latency_limit_ms: number;
      measures: string[];
      missing: string[];
      read_until: number | null;
      rows: components['schemas']['StreamSlot'][];
      simulated?: boolean;
      step_ms: number;
    };
    /** StreamValues */
    StreamValues: {
      at: number[];
      logger: string;
      names: string[];
      sequences: number[];
      series: number[];
      sources: number[];
      values: number[];
    };
    /** StreamValuesAnswer */
    StreamValuesAnswer: {
      at: number[];
      more: boolean;
      series: string;
      simulated?: boolean;
      sources: number[];
      values: number[];
    };
    /** StreamValuesKept */
    StreamValuesKept: {
      accepted: number;
      message: string;
      refused: number;
    };
    /** StreamWatch */
    StreamWatch: {
      collected: components['schemas']['CollectedLog'][];
      gaps: components['schemas']['WatchedGap'][];
      hours: components['schemas']['WatchedHour'][];
      longest: components['schemas']['LongestGap'][];
      simulated?: boolean;
      values: components['schemas']['WatchedValues'][];
      writers: components['schemas']['StreamWriter'][];
    };
    /** StreamWriter */
    StreamWriter: {
      last_at: number;
      machine: string;
      program: string;
    };
    /** StreamsAnswer */
    StreamsAnswer: {
      simulated?: boolean;
      streams: components['schemas']['StreamRow'][];
    };
    /** TableSizeRow */
    TableSizeRow: {
      byte_count: number;
      bytes_later: {
        [key: string]: number | null;
      };
      bytes_per_day: number | null;
      files: number;
      first_at: number | null;
      full_bytes: number | null;
      kept_days: number | null;
      kept_hours: number | null;
      last_at: number | null;
      rollup: boolean;
      rows: number;
      rows_per_day: number | null;
      table: string;
    };
    /** ThreadHours */
    ThreadHours: {
      chunks_aborted: number[];
      chunks_crashed: number[];
      chunks_successful: number[];
      frames_done: number[];
      hour: number[];
      thread: number[];
      up_ms: number[];
    };
    /** ThreadRow */
    ThreadRow: {
      action?: string | null;
      frames?: string | null;
      job_id?: string | null;
      job_name?: string | null;
      layer_id?: string | null;
      layer_name?: string | null;
      progress?: number | null;
      session_id?: string | null;
      thread: number;
    };
    /** ThreadSamples */
    ThreadSamples: {
      at: number[];
      coverage_ms: number[];
      cpu_milli: (number | null)[];
      index: number[];
      job_id: (string | null)[];
      memory_bytes: (number | null)[];
      render_type: (string | null)[];
      state: string[];
      thread: number[];
    };
    /** TierTotals */
    TierTotals: {
      first: number;
      known_seconds: (number | null)[][];
      open_known_seconds: (number | null)[];
      open_total: (number | null)[];
      rows: number;
      steps: number;
      total: (number | null)[][];
    };
    /** TimeSpan */
    TimeSpan: {
      end_at: number;
      start_at: number;
    };
    /** TimelineAnswer */
    TimelineAnswer: {
      rows: components['schemas']['TimelineRow'][];
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
    };
    /** TimelineRow */
    TimelineRow: {
      segments: [number, number, string][];
      thread: number;
      worker_id: string;
    };
    /** Undone */
    Undone: {
      text: string;
    };
    /** UsageAnswer */
    UsageAnswer: {
      cost: string | null;
      currency: string;
      example: boolean;
      group_by: string[];
      rows: {
        [key: string]: string | number | null;
      }[];
      runtime_ms: number;
      simulated?: boolean;
    };
    /** UserChange */
    UserChange: {
      disabled: boolean;
    };
    /** UserRow */
    UserRow: {
      created_at: number;
      created_by: string;
      disabled: boolean;
      /** @default false */
      has_password: boolean;
      keys: components['schemas']['KeyRow'][];
      memberships?: components['schemas']['MembershipRow'][];
      name: string;
      role: string;
      /** @default 0 */
      sign_ins: number;
    };
    /** Users */
    Users: {
      users: components['schemas']['UserRow'][];
    };
    /** ValueSource */
    ValueSource: {
      count: number;
      first_at: number;
      last: number;
      last_at: number;
      least: number;
      most: number;
      series: string;
      source_index: number;
    };
    /** ValueSources */
    ValueSources: {
      series: components['schemas']['ValueSource'][];
      simulated?: boolean;
    };
    /** ViewBody */
    ViewBody: {
      query: string;
    };
    /** ViewRow */
    ViewRow: {
      name: string;
      page: string;
      query: string;
      updated_at: number;
    };
    /** Views */
    Views: {
      views: components['schemas']['ViewRow'][];
    };
    /** WakeUp */
    WakeUp: {
      /** @default 255.255.255.255 */
      address: string;
      mac_address?: string | null;
      /** @default 9 */
      port: number;
    };
    /** WantedLink */
    WantedLink: {
      name?: string | null;
    };
    /** WasteCost */
    WasteCost: {
      cost: string | null;
      machine_ms: number;
    };
    /** WatchedGap */
    WatchedGap: {
      end_at: number;
      explained: boolean;
      kind: string;
      machine: string;
      start_at: number;
      stream: string;
    };
    /** WatchedHour */
    WatchedHour: {
      byte_count: number | null;
      errors: number;
      first_at: number;
      first_error_at: number | null;
      hour_at: number;
      kind: string;
      last_at: number;
      last_error_at: number | null;
      latency_mean_ms: number | null;
      lines: number;
      machine: string;
      stream: string;
    };
    /** WatchedValues */
    WatchedValues: {
      greatest: number;
      heartbeat_seconds: number;
      hour_at: number;
      label: string;
      last_at: number;
      least: number;
      mean: number;
      series: string;
      source_index: number;
      values: number;
    };
    /** WhatIf */
    WhatIf: {
      drop: string;
      next_reason: string;
      workers: number;
    };
    /** WholeHistoryRow */
    WholeHistoryRow: {
      aborted: number;
      aov: string | null;
      app: components['schemas']['RenderApp'];
      camera: string | null;
      changed_at: number;
      color: string | null;
      cost?: string | null;
      crashed: number;
      current?: components['schemas']['LayerSums'];
      custom_scene: string | null;
      error_count: number;
      error_list: components['schemas']['LayerError'][];
      errors: number;
      farm_id: string;
      finished_at: number | null;
      first_finished_at: number | null;
      frames: components['schemas']['LayerFrames'];
      image: components['schemas']['LayerImage'];
      job: string;
      job_id: string;
      job_type: string | null;
      layer: string;
      layer_id: string;
      layer_index: number;
      lifetime?: components['schemas']['LayerSums'];
      log: components['schemas']['LayerLogEntry'][];
      log_count: number;
      memory_bytes: number | null;
      number: string;
      paths_os: string | null;
      priority: number;
      project: string;
      ps_cost?: string | null;
      queue_id: string;
      render_ms: number;
      reset_at: number | null;
      resets: number;
      scene: string | null;
      scene_database: string | null;
      scene_os: string | null;
      scene_state: string | null;
      scene_take: string | null;
      sent: number;
      sequence: string;
      server_error_count: number;
      short_id: string;
      shot: string;
      started_at: number | null;
      state: string;
      status: string;
      submit_machine: string;
      submitted_at: number;
      tracker_id: string | null;
      usage?: components['schemas']['LayerUsage'];
      user: string;
      version: string;
      workers: components['schemas']['LayerWorker'][];
    };
    /** WitnessRow */
    WitnessRow: {
      name: string;
      outcome: string;
      worker_id: string;
    };
    /** WokenUp */
    WokenUp: {
      mac_addresses: string[];
      name: string;
      worker_id: string;
    };
    /** WorkStep */
    WorkStep: {
      done: number;
      of: number;
      step: string;
      what: string;
    };
    /** WorkSteps */
    WorkSteps: {
      steps: components['schemas']['WorkStep'][];
    };
    /** WorkerAddress */
    WorkerAddress: {
      ip_address: string;
      since: number;
    };
    /** WorkerAnswer */
    WorkerAnswer: {
      name: string;
      reason: string;
      text: string;
      worker_id: string;
    };
    /** WorkerAttempt */
    WorkerAttempt: {
      action_id: string;
      attempt: number | null;
      cause: string | null;
      ended_at: number;
      error_class: string | null;
      error_text: string | null;
      exit_code: number | null;
      frames: string | null;
      job_id: string;
      job_name: string;
      kind: string;
      layer_id: string | null;
      layer_name: string | null;
      page: string | null;
      project: string;
      session_id: string;
      started_at: number;
      status: string;
      superseded: boolean;
      task_id: string | null;
      task_index: number | null;
      thread: number;
      user_name: string;
      worker_id: string;
    };
    /** WorkerAttempts */
    WorkerAttempts: {
      left_out: boolean;
      now: number;
      rows: components['schemas']['WorkerAttempt'][];
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
    };
    /** WorkerChange */
    WorkerChange: {
      classes?: string | null;
      disabled?: boolean | null;
      draining?: boolean | null;
      note?: string | null;
    };
    /** WorkerConsequence */
    WorkerConsequence: {
      lost_ms: number;
      name: string;
      running: number;
      status: string;
      worker_id: string;
    };
    /** WorkerDay */
    WorkerDay: {
      day: string;
      hours: components['schemas']['ThreadHours'];
      name: string;
      samples: components['schemas']['MachineSamples'];
      span: components['schemas']['TimeSpan'];
      thread_samples: components['schemas']['ThreadSamples'];
      threads: number;
      unix_day: number;
      valid: boolean;
      worker_id: string;
      zone: string;
    };
    /** WorkerDayAnswer */
    WorkerDayAnswer: {
      day: string;
      hours: components['schemas']['ThreadHours'];
      name: string;
      samples: components['schemas']['MachineSamples'];
      simulated?: boolean;
      span: components['schemas']['TimeSpan'];
      thread_samples: components['schemas']['ThreadSamples'];
      threads: number;
      unix_day: number;
      valid: boolean;
      worker_id: string;
      zone: string;
    };
    /** WorkerDayColumns */
    WorkerDayColumns: {
      chunks_aborted: (number | null)[];
      chunks_crashed: (number | null)[];
      chunks_successful: (number | null)[];
      coverage_ms: (number | null)[];
      cpu_milli: (number | null)[];
      day: string[];
      frames_done: (number | null)[];
      job_cpu_milli: (number | null)[];
      samples: (number | null)[];
      unix_day: number[];
      up_ms: (number | null)[];
      valid: boolean[];
    };
    /** WorkerDaysAnswer */
    WorkerDaysAnswer: {
      columns: components['schemas']['WorkerDayColumns'];
      name: string;
      simulated?: boolean;
      worker_id: string;
      zone: string;
    };
    /** WorkerDetail */
    WorkerDetail: {
      amounts: {
        [key: string]: number;
      };
      attributes: {
        [key: string]: string[];
      };
      /** @default 0 */
      busy: number;
      classes?: string | null;
      clock_behind_ms?: number | null;
      closed: string;
      cpu_milli: number | null;
      created_at: number;
      /** @default false */
      disabled: boolean;
      /** @default false */
      draining: boolean;
      /** @default  */
      fleet: string;
      fleet_id: string;
      groups?: string | null;
      hail?: components['schemas']['HailRow'] | null;
      host_properties: {
        [key: string]: unknown;
      };
      job_names?: string | null;
      last_seen_at: number | null;
      memory_total_bytes: number | null;
      memory_used_bytes: number | null;
      name: string;
      note?: string | null;
      ps_milli: number;
      quarantine?: string | null;
      quarantine_cause: string;
      quarantined_at: number | null;
      status: string;
      strokes: number;
      /** @default 0 */
      thread_count: number;
      threads: components['schemas']['ThreadRow'][];
      updated_at: number | null;
      updated_by: string | null;
      /** @default true */
      verified: boolean;
      worker_id: string;
    };
    /** WorkerGroup */
    WorkerGroup: {
      members: components['schemas']['GroupMember'][];
      name: string;
      updated_at: number;
      updated_by: string;
    };
    /**
     * WorkerOrder
     * @description What can be told to workers.
     * @enum {string}
     */
    WorkerOrder: 'enable' | 'disable' | 'stop' | 'drain' | 'quit' | 'restart' | 'shutdown';
    /** WorkerReportAnswer */
    WorkerReportAnswer: {
      columns: components['schemas']['WorkerReportColumns'];
      simulated?: boolean;
      zone: string;
    };
    /** WorkerReportColumns */
    WorkerReportColumns: {
      chunks_aborted: number[];
      chunks_crashed: number[];
      chunks_successful: number[];
      coverage_ms: number[];
      cpu_milli: (number | null)[];
      day: string[];
      frames_done: number[];
      job_cpu_milli: (number | null)[];
      samples: number[];
      up_ms: number[];
      worker: string[];
      worker_id: string[];
    };
    /** WorkerRow */
    WorkerRow: {
      /** @default 0 */
      busy: number;
      classes?: string | null;
      clock_behind_ms?: number | null;
      cpu_milli: number | null;
      /** @default false */
      disabled: boolean;
      /** @default false */
      draining: boolean;
      /** @default  */
      fleet: string;
      fleet_id: string;
      groups?: string | null;
      hail?: components['schemas']['HailRow'] | null;
      job_names?: string | null;
      last_seen_at: number | null;
      memory_total_bytes: number | null;
      memory_used_bytes: number | null;
      name: string;
      note?: string | null;
      quarantine?: string | null;
      status: string;
      /** @default 0 */
      thread_count: number;
      threads: components['schemas']['ThreadRow'][];
      /** @default true */
      verified: boolean;
      worker_id: string;
    };
    /** WorkerSpeed */
    WorkerSpeed: {
      at: number;
      ps: number;
    };
    /** WorkerWake */
    WorkerWake: {
      at: number;
      by: string;
      online_ms: number | null;
      success: boolean | null;
    };
    /** WorkersOrder */
    WorkersOrder: {
      /** @default false */
      apply: boolean;
      order: components['schemas']['WorkerOrder'];
      workers: string[];
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
