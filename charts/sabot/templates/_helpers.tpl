{{- define "sabot.name" -}}
{{- if contains "sabot" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-sabot" (.Release.Name | trunc 44 | trimSuffix "-") }}{{ end }}
{{- end }}

{{- define "sabot.serviceAccount" -}}
{{- default (include "sabot.name" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "sabot.selector" -}}
app.kubernetes.io/name: sabot-controller
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sabot.labels" -}}
{{ include "sabot.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
